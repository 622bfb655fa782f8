import numpy as np
import pytest

from datasets.seasons import SEASONS, Season
from ingest.sample.canvas import Kind, Patch
from ingest.sample.codes import code_row, draw_ids, fill
from ingest.source import Provider
from tests.ingest.sample.sample_charts import classes_of

KINDS: tuple[Kind, ...] = ("water", "pack", "fast", "hole", "strip")


@pytest.mark.parametrize("season", SEASONS)
@pytest.mark.parametrize("provider", ["dmi", "cis"])
def test_rows_mean_what_was_drawn(season: Season, provider: Provider) -> None:
    rng = np.random.default_rng(1)
    patches = [Patch(kind=kind, rank=float(rank), share=0.01) for kind in KINDS for rank in rng.random(80)]
    for i, content in enumerate(fill(rng, patches, season=season, old=0.3, provider=provider)):
        row = code_row(i, content, provider)
        assert classes_of(row) == (i, content.sic, content.sod, content.floe), row
        if provider == "cis":  # Canadian charts know neither cake ice nor bergs in ice
            assert content.floe not in (1, 6)


def test_ids_have_gaps_and_any_start() -> None:
    drawn = [draw_ids(np.random.default_rng(seed), 20) for seed in range(40)]
    assert all(ids == sorted(set(ids)) and len(ids) == 20 for ids in drawn)
    assert all(ids[-1] - ids[0] > 19 for ids in drawn[:5])
    assert {0} < {ids[0] for ids in drawn}
    assert draw_ids(np.random.default_rng(0), 0) == []
