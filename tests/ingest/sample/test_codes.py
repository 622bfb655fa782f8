import numpy as np
import pytest

from datasets.seasons import SEASONS, Season
from ingest.sample.codes import Ice, code_row, draw_ice, draw_ids
from ingest.sample.polygons import Kind, Polygon
from ingest.source import Provider
from tests.ingest.sample.sample_charts import FORM, STAGE, classes_of, dominant, floe_of

KINDS: tuple[Kind, ...] = ("water", "pack", "fast", "hole", "strip")


def classes_drawn(ice: Ice) -> tuple[int, int]:
    """SOD and FLOE that the row of this ice should mean."""
    if not ice.partials:
        return 0, 0
    stages = [(float(p.tenths), STAGE.get(p.stage, 255)) for p in ice.partials]
    forms = [(float(p.tenths), FORM.get(p.form, 255)) for p in ice.partials]
    return dominant(stages, ice.tenths), floe_of(forms, ice.tenths)


@pytest.mark.parametrize("season", SEASONS)
@pytest.mark.parametrize("provider", ["dmi", "cis"])
def test_rows_mean_what_was_drawn(season: Season, provider: Provider) -> None:
    rng = np.random.default_rng(1)
    polygons = [Polygon(kind=kind, depth=float(depth)) for kind in KINDS for depth in rng.random(80)]
    for i, ice in enumerate(draw_ice(rng, polygons, season=season, old=0.3, provider=provider)):
        row = code_row(i, ice, provider)
        sod, floe = classes_drawn(ice)
        assert classes_of(row) == (i, ice.tenths, sod, floe), row
        if provider == "cis":  # Canadian charts know neither cake ice nor bergs in ice
            assert floe not in (1, 6)


def test_ids_have_gaps_and_any_start() -> None:
    drawn = [draw_ids(np.random.default_rng(seed), 20) for seed in range(40)]
    assert all(ids == sorted(set(ids)) and len(ids) == 20 for ids in drawn)
    assert all(ids[-1] - ids[0] > 19 for ids in drawn[:5])
    assert {0} < {ids[0] for ids in drawn}
    assert draw_ids(np.random.default_rng(0), 0) == []
