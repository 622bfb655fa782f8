from pathlib import Path

import numpy as np
from netCDF4 import Dataset

LINES, SAMPLES = 300, 430
SCENES = 13

# Stage and form codes of the AutoICE challenge, written down again on purpose: the generator is under test.
STAGE = {81: 1, 82: 1, 83: 2, 84: 2, 85: 2, 87: 3, 88: 3, 89: 3, 86: 4, 91: 4, 93: 4, 95: 5, 96: 5, 97: 5}
FORM = {2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 5, 9: 6, 10: 6}


def classes_of(row: str) -> tuple[int, int, int, int]:
    """Polygon id, SIC, SOD and FLOE of a code row by the 65 % rule, for rows without three like partials."""
    fields = row.split(";")
    polygon, numbers = int(fields[0]), [int(f) for f in fields[1:12]]
    if fields[-1] == "W":
        return polygon, 0, 0, 0
    sic = 10 if numbers[0] in (91, 92) else numbers[0] // 10
    partials = [(numbers[i] / 10, numbers[i + 1], numbers[i + 2]) for i in (1, 4, 7) if numbers[i + 1] != -9]
    if numbers[1] == -9:
        partials = [(sic, numbers[2], numbers[3])]
    sod = dominant([(t, STAGE.get(s, 255)) for t, s, _ in partials], sic)
    floes = [(t, FORM.get(f, 255)) for t, _, f in partials]
    return polygon, sic, sod, floe_of(floes, sic)


def floe_of(partials: list[tuple[float, int]], total: int) -> int:
    """Floe class of a polygon: none where a partial has none."""
    return 255 if any(c == 255 for _, c in partials) else dominant(partials, total)


def dominant(partials: list[tuple[float, int]], total: int) -> int:
    """Class with at least 65 % of the ice."""
    for wanted in {c for _, c in partials}:
        if sum(t for t, c in partials if c == wanted) / total >= 0.65:
            return wanted
    return 255


def charts_of(path: Path) -> dict[str, np.ndarray]:
    """SIC, SOD and FLOE rasters of a file: uint8, 255 = no label."""
    with Dataset(path) as file:
        file.set_auto_mask(False)
        polygons = file["polygon_icechart"][:]
        rows = list(file["polygon_codes"][:][1:])
    charts = {name: np.full(polygons.shape, 255, dtype=np.uint8) for name in ("SIC", "SOD", "FLOE")}
    for row in rows:
        polygon, *classes = classes_of(row)
        for chart, value in zip(charts.values(), classes, strict=True):
            chart[polygons == polygon] = value
    return charts
