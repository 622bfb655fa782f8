"""Studies of training scenes that never ran: a season with an effect, or with none, beside as many scenes of all."""

from collections.abc import Callable, Mapping

from sweeps.record.design import StudyDesign
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import collect
from tests.invented_studies import study
from training.data.scene_set import SceneSet

AXES = {"train.season": ("winter", "summer"), "selection": ("source",), "scenes": ("own", "size-matched")}


def scene_study(
    quality: Callable[[Mapping[str, str]], float],
    absent: Mapping[str, tuple[str, ...]] | None = None,
    n_scenes: int = 40,
) -> CellComparison:
    """`absent` are classes that own scenes of a season lack."""
    design = StudyDesign(
        question="Does it?",
        objective="test_80m/f1",
        axes=AXES,
        seeds=(0, 1, 2),
        trials=12,
        bins=("winter", "cat4"),
    )
    row, rows, results = study(design, quality, n_scenes=n_scenes)
    for trial in rows:
        own = trial.tags["axis.scenes"] == "own"
        lacks = (absent or {}).get(trial.tags["axis.train.season"], ()) if own else ()
        trained = SceneSet(
            scenes=7, labelled=12_000_000, ice=100, labelled_ice=67, absent={"SOD": lacks} if lacks else {}
        )
        tested = SceneSet(scenes=20, labelled=1, ice=100, labelled_ice=60)
        results[trial.run_id] = results[trial.run_id].model_copy(update={"trained_on": trained, "tested_on": tested})
    return CellComparison(collect(row, "sqlite:///m.db", rows, results))
