"""Classes of polygons looked up for a raster of their ids."""

import numpy as np

from datasets.chart_rasters import class_table, rasterize
from datasets.labels import CHARTS
from datasets.sigrid import HEADER, NO_POLYGON, Dominance, classify, parse_codes


def test_raster_counts_what_it_drops() -> None:
    codes = [
        HEADER,
        "3;91;-9;93;08;-9;-9;-9;-9;-9;-9;-9;-9;08-9;I",
        "9;46;-9;94;11;-9;-9;-9;-9;-9;-9;-9;-9;-9;I",
    ]
    polygons = classify(parse_codes(codes), Dominance())
    ids = np.array([[3, 3, 9], [9, 12, NO_POLYGON]], np.uint16)
    rasters = rasterize(ids, polygons)
    charts = rasters.charts
    assert charts["SIC"].tolist() == [[10, 10, 255], [255, 255, 255]]
    assert charts["SOD"].tolist() == [[4, 4, 255], [255, 255, 255]]
    assert charts["FLOE"].tolist() == [[255] * 3] * 2
    assert rasters.dropped == {"no_row": 1, "no_code": 0, "SIC_code": 2, "SOD_code": 2, "FLOE_code": 2}
    for name, chart in charts.items():
        assert rasters.pixels[name] == {value: int((chart == value).sum()) for value in rasters.pixels[name]}
        assert sum(rasters.pixels[name].values()) == ids.size
    assert {chart.dtype for chart in charts.values()} == {np.dtype(np.uint8)}


def test_every_pixel_has_the_class_of_its_polygon() -> None:
    """Runs that go on in the next line and strip, and polygons of single pixels."""
    rows = [f"{k};91;-9;{90 + k % 6};08;-9;-9;-9;-9;-9;-9;-9;-9;08-9;I" for k in range(9)]
    polygons = classify(parse_codes([HEADER, *rows]), Dominance())
    ids = np.random.default_rng(0).choice(np.array([*range(12), NO_POLYGON], np.uint16), (150, 37))
    ids[40:90] = 4
    rasters = rasterize(ids, polygons)
    for name in CHARTS:
        table = class_table(polygons.classes[name])
        np.testing.assert_array_equal(rasters.charts[name], table[ids])
        assert rasters.pixels[name] == {k: int((table[ids] == k).sum()) for k in rasters.pixels[name]}
    assert rasters.dropped["no_row"] == np.isin(ids, (9, 10, 11)).sum()
