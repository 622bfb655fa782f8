"""No page is wider than the window that shows it, and no table runs off it: reports, campaign, comparison, board."""

import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sweeps.compare.comparison_page import PAGE, make_page
from sweeps.design.catalogue import study as study_named
from sweeps.leaderboard.board import board, page
from sweeps.leaderboard.ranking import rank
from sweeps.record.design import design_of
from sweeps.report.campaign_page import campaign_page
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import collect
from sweeps.report.map_choice import map_choices
from sweeps.report.study_report import Report, make_report
from tests.end_to_end.browser import Visit, chromium, visit
from tests.invented_maps import invented_map
from tests.invented_studies import study
from tests.sweeps.compare.invented_models import compared, entry
from tests.sweeps.leaderboard.ranked_trials import trial
from training.data.scene_set import SceneSet

pytestmark = [pytest.mark.slow]

WIDTHS = (1000, 1600)
TOO_WIDE = """() => [document.documentElement, ...document.querySelectorAll('.table')]
  .filter(each => each.scrollWidth > each.clientWidth)
  .map(each => (each.querySelector('caption') || each).textContent.trim().slice(0, 80)
    + ': ' + each.scrollWidth + ' of ' + each.clientWidth)"""


def full_report(name: str) -> Report:
    """A study with the cells of the real one, names of runs as long as real ones, and invented scores."""
    wanted = design_of(study_named(name))
    wanted = wanted.model_copy(update={"seeds": (0, 1), "trials": 2 * len(wanted.cells)})
    trained = SceneSet(scenes=494, labelled=12_000_000, ice=100, labelled_ice=67, absent={"SOD": ("new_ice",)})
    tested = SceneSet(scenes=6, labelled=1, ice=100, labelled_ice=60)

    def quality(labels: Mapping[str, str]) -> float:
        return 0.6 + 0.2 * (zlib.crc32(str(sorted(labels.items())).encode()) % 1000) / 1000

    parent, rows, results = study(wanted, quality, name=name, n_scenes=6)
    ids = {row.run_id: f"{zlib.crc32(row.run_id.encode()):032x}" for row in rows}
    evidence = collect(
        parent.model_copy(update={"lake": "0123456789abcdef"}),
        "http://mlflow:5000",
        [row.model_copy(update={"run_id": ids[row.run_id], "trial_id": ids[row.run_id][:16]}) for row in rows],
        {
            ids[run_id]: found.model_copy(update={"trained_on": trained, "tested_on": tested})
            for run_id, found in results.items()
        },
    )
    files = [file for choice in map_choices(CellComparison(evidence)) for file in choice.files]
    return make_report(evidence, {file: invented_map(file[1][5:12]) for file in files})


def campaign() -> str:
    return campaign_page([full_report("downscale")], "http://mlflow:5000")


def comparison() -> str:
    others = [entry("a_network_of_another_team_with_a_long_name", 0.9), entry("unet", 0.4)]
    return make_page(compared([entry("my_package.models:TheNetworkOfMyThesis", 0.7)], others)).texts[PAGE]


def leaderboard() -> str:
    return page(board(rank([trial(seed=seed) for seed in range(3)])), lake="Lake l: 3 test scenes.", uri="sqlite:///x")


@pytest.mark.parametrize(
    "make", [lambda: full_report("cryospheric_season").html(), campaign, comparison, leaderboard],
    ids=["report", "campaign", "comparison", "leaderboard"],
)  # fmt: skip
def test_nothing_runs_off_the_page(make: Callable[[], str], tmp_path: Path) -> None:
    executable = chromium()
    (tmp_path / "page.html").write_text(make(), encoding="utf-8")
    with visit(executable, tmp_path / "shots") as tab:
        assert too_wide(tab, tmp_path / "page.html") == {width: [] for width in WIDTHS}
        assert tab.foreign() == []


def too_wide(tab: Visit, path: Path) -> dict[int, list[str]]:
    """What is wider than its place, at each width of the window."""
    found = {}
    for width in WIDTHS:
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.goto(path.as_uri())
        found[width] = tab.page.evaluate(TOO_WIDE)
    return found
