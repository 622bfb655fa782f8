"""Which scenes are drawn: by a rule over both cells, and all of their seeds."""

from statistics import fmean

from sweeps.record.design import StudyDesign
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import collect
from sweeps.report.map_choice import map_choices
from tests.invented_maps import invented_map
from tests.invented_studies import study
from training.evaluation.result import SceneRow

DESIGN = StudyDesign(
    question="Does it?", objective="test_80m/f1", axes={"data.ratio": ("2", "5", "10")}, seeds=(0, 1), trials=6
)


def comparison(qualities: dict[str, float], n_scenes: int = 12) -> CellComparison:
    parent, rows, results = study(
        DESIGN,
        lambda labels: qualities[labels["data.ratio"]],
        n_scenes=n_scenes,
        skip=lambda labels, seed: "FAILED" if (labels["data.ratio"], seed) == ("2", 0) else "",
    )
    return CellComparison(collect(parent, "u", rows, results))


def f1(rows: tuple[SceneRow, ...], scene: str) -> float:
    (found,) = (row.f1 for row in rows if row.scene_id == scene and row.grid == "test_80m")
    assert found is not None
    return found


def test_scenes_are_the_median_worst_and_best_of_both_cells_and_all_seeds() -> None:
    found = comparison({"2": 0.6, "5": 0.9, "10": 0.3})
    (choice,) = map_choices(found)
    assert (choice.cells, choice.chart, choice.task) == ((("2",), ("5",)), "SOD", "pixel-based")
    results = [[trial.result for trial in found.evidence.trials_of(key)] for key in choice.cells]
    assert [len(of_cell) for of_cell in results] == [1, 2]
    mean = {
        scene: fmean(fmean(f1(each.scenes, scene) for each in of_cell if each is not None) for of_cell in results)
        for scene in (f"scene{number:02d}" for number in range(12))
    }
    ranked = sorted(mean, key=lambda scene: mean[scene])
    assert [scene.scene_id for scene in choice.scenes] == [ranked[5], ranked[0], ranked[-1]]
    assert [scene.role for scene in choice.scenes] == ["median", "worst", "best"]


def test_both_cells_are_drawn_with_a_seed_that_both_have() -> None:
    (choice,) = map_choices(comparison({"2": 0.6, "5": 0.9, "10": 0.3}))
    assert [trial.seed for trial in choice.trials] == [1, 1], "seed 0 of the reference failed"
    assert choice.trials[0].result is not None
    assert choice.scenes[0].scores[0] == f1(choice.trials[0].result.scenes, choice.scenes[0].scene_id)
    assert choice.files[:2] == tuple(
        (trial.row.run_id, f"maps/{choice.scenes[0].scene_id}.npz") for trial in choice.trials
    )


def test_a_best_reference_is_drawn_once_and_few_scenes_once_each() -> None:
    (choice,) = map_choices(comparison({"2": 0.9, "5": 0.6, "10": 0.3}, n_scenes=2))
    assert choice.cells == (("2",),)
    assert [scene.role for scene in choice.scenes] == ["median", "best"], "the worst of two is the median too"


def test_maps_are_laid_side_by_side_only_on_one_grid() -> None:
    (choice,) = map_choices(comparison({"2": 0.6, "5": 0.9, "10": 0.3}))
    scene = choice.scenes[0]
    one, other = (file for file in choice.files if scene.scene_id in file[1])
    made = invented_map(scene.scene_id)
    assert choice.maps_of(scene, {one: made, other: made}) == [made, made]
    assert choice.maps_of(scene, {one: made}) == []
    assert choice.maps_of(scene, {one: made, other: invented_map(scene.scene_id, side=(30, 30))}) == []


def test_without_results_nothing_is_chosen() -> None:
    parent, rows, _ = study(DESIGN, lambda labels: 0.7)
    assert map_choices(CellComparison(collect(parent, "u", rows, {}))) == []
