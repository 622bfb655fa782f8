"""What a dry run says about test scenes: what they can tell apart, whatever the scores will be."""

import pytest

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.scene import SceneRecord
from datasets.seasons import SEASONS
from sweeps.design.catalogue import study
from sweeps.launch.reach_table import show_reach
from tests.sweeps.launch.small_study import SPEC, small_study

PASSES = {"winter": 3, "spring": 6, "summer": 7, "fall": 4}
"""As in the published test set."""


def of_seasons(counts: dict[str, int], like: SceneRecord) -> Catalog:
    """Test scenes of so many passes in each season, a day from each other."""
    names = [season for season, count in counts.items() for _ in range(count)]
    return Catalog.of(
        like.model_copy(update={"scene_id": f"201803{day:02d}T000000_dmi", "season": season, "split": "test"})
        for day, season in enumerate(names, start=1)
    )


def said(lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], part: object) -> str:
    like = next(record for record in lake.catalog() if sum(record.pixels["SOD"].values()))
    scenes = of_seasons(PASSES, like)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(Lake, "catalog", lambda self: scenes)
    show_reach(part, lake)  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_a_study_of_seasons_is_told_which_of_them_cannot_be_decided(
    tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(tiny_lake, monkeypatch, capsys, study("regular_season"))
    assert "16 on each group of test scenes" in text, "four sets with a control, two scores, two tasks"
    rows = {name: line for line in text.splitlines() for name in ("all test scenes", *SEASONS) if f"│ {name} " in line}
    assert {name: line.split("│")[-2].strip() for name, line in rows.items()} == {
        "all test scenes": "yes",
        **dict.fromkeys(SEASONS, "no"),
    }
    summer = next(line for line in text.splitlines() if line.startswith("scored on summer"))
    assert "7 orbit passes cannot tell any difference apart, whatever the scores" in summer
    assert "smallest p-value is 0.016, and each of 32 differences together needs 0.0016" in summer
    pixel = study("regular_season").of_task("pixel")
    assert "8 on each group of test scenes" in said(tiny_lake, monkeypatch, capsys, pixel)
    assert said(tiny_lake, monkeypatch, capsys, study("regular_season").only(["scenes=own"])) == "", "no control"


def test_a_study_without_groups_is_told_about_all_test_scenes(
    tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rates = tuple(10.0**-place for place in range(1, 8))
    few = said(tiny_lake, monkeypatch, capsys, small_study(1, axes={"optimizer.lr": rates}))
    assert "22 on each group" in few, "six against the reference, five others against the best, by two scores"
    assert "yes" in few
    many = tuple(10.0 ** -(1 + place / 20) for place in range(220))
    text = said(tiny_lake, monkeypatch, capsys, small_study(1, axes={"optimizer.lr": many}))
    assert "no number of passes gives: compare fewer cells" in text
    assert said(tiny_lake, monkeypatch, capsys, small_study(1, base=SPEC)) == "", "one cell asks nothing"
