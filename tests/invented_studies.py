"""Studies that never ran: rows and results as trials leave them, from invented confusion matrices of scenes."""

import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from datasets.labels import chart
from datasets.scene import SceneRecord
from sweeps.record.design import StudyDesign
from sweeps.record.studies import StudyRow
from sweeps.record.study import TrialRow
from training.evaluation.bins import ScoreKey, sum_bins
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metrics import metrics_of
from training.evaluation.result import TrialResult, scene_rows

SEASONS = ("winter", "spring", "summer", "fall")
GRIDS = ("test", "test_80m")


def scenes(count: int, locations: Sequence[str] = ("cat1", "cat2", "cat3")) -> list[SceneRecord]:
    """As many test scenes, seasons and locations in turn."""
    return [
        SceneRecord.model_construct(
            scene_id=f"scene{number:02d}",
            season=SEASONS[number % 4],
            location=locations[number % len(locations)],
            cryoseason=("melt", "freeze", None)[number % 3],
        )
        for number in range(count)
    ]


def scene_matrix(scene: str, quality: float, seed: int, n_classes: int = 6) -> ConfusionMatrix:
    """Of one scene: which classes it has and how hard it is depends on the scene, the rest on quality and seed."""
    of_scene = np.random.default_rng(zlib.crc32(scene.encode()))
    true = (of_scene.dirichlet(np.full(n_classes, 0.6)) * 50_000).astype(int)
    noise = np.random.default_rng([zlib.crc32(scene.encode()), seed, int(quality * 1e6)])
    right = np.clip(quality + of_scene.normal(0, 0.08) + noise.normal(0, 0.03), 0.02, 0.98)
    rows = []
    for name in range(n_classes):
        chances = np.full(n_classes, (1 - right) / (n_classes - 1))
        chances[name] = right
        rows.append(noise.multinomial(true[name], chances))
    return ConfusionMatrix(np.array(rows))


def result(
    records: Sequence[SceneRecord],
    quality: float,
    seed: int,
    grids: Sequence[str] = GRIDS,
    charts: Sequence[str] = ("SOD",),
    trial_id: str = "t",
) -> TrialResult:
    """The result of a trial with this quality (share of right pixels)."""
    scored = [
        (
            record,
            {
                ScoreKey(grid, name): scene_matrix(record.scene_id, quality - 0.01 * place, seed, chart(name).n_classes)
                for place, grid in enumerate(grids)
                for name in charts
            },
        )
        for record in records
    ]
    sums = sum_bins(scored)
    return TrialResult(
        trial_id=trial_id,
        metrics=metrics_of(sums, charts)
        | {
            "cost/gpu_hours": 1.5,
            "cost/cpu_hours": 3.0,
            "cost/seconds": 5400.0,
            "cost/patches_per_second": 321.0,
            "cost/peak_memory_mib": 2048.0,
            "cost/parameters": 5e5,
        },
        matrices={name: matrix.to_lists() for name, matrix in sums.items()},
        scenes=scene_rows(scored),
        best_epoch=1,
        epochs=2,
        checkpoint="best.pt",
        seconds=5400.0,
        versions={"device": "a GPU"},
    )


def trial_row(
    labels: Mapping[str, str], seed: int, status: str = "FINISHED", *, attempt: int = 0, task: str = "pixel"
) -> TrialRow:
    """An attempt at a trial, with the tags of the launcher."""
    name = "-".join([*labels.values(), str(seed)])
    return TrialRow(
        trial_id=name,
        run_id=f"run-{name}-{attempt}",
        status=status,
        started=1_000 * attempt,
        ended=None if status == "RUNNING" else 1_000 * attempt + 3_600_000,
        params={"data.task": task, "data.targets": '["SOD"]', "seed": str(seed)},
        tags={f"axis.{axis}": value for axis, value in labels.items() if value}
        | {"trial_id": name, "seed": str(seed), "kind": "trial", "git_commit": "abc"},
        metrics={},
    )


def study(
    design: StudyDesign,
    quality: Callable[[Mapping[str, str]], float],
    *,
    name: str = "invented",
    n_scenes: int = 20,
    skip: Callable[[Mapping[str, str], int], str] = lambda labels, seed: "",
    grids: Callable[[Mapping[str, str]], Sequence[str]] = lambda labels: GRIDS,
) -> tuple[StudyRow, list[TrialRow], dict[str, TrialResult]]:
    """All trials of a design.

    Args:
        design: With cells, or whose cells are a product.
        quality: Share of right pixels by the labels of a trial.
        name: Of the study.
        n_scenes: Test scenes.
        skip: Status of a trial that did not finish; `never` was never started; empty for one that finished.
        grids: On which a trial is scored.
    """
    rows, results = [], {}
    for cell in design.expected_cells():
        labels = dict(zip(design.axes, cell, strict=True))
        for seed in design.seeds:
            status = skip(labels, seed)
            if status == "never":
                continue
            row = trial_row(labels, seed, status or "FINISHED", task=labels.get("task", "pixel"))
            if not status:
                jitter = 0.01 * np.random.default_rng([seed, zlib.crc32(row.trial_id.encode())]).normal()
                found = result(scenes(n_scenes), quality(labels) + jitter, seed, grids(labels), trial_id=row.trial_id)
                results[row.run_id] = found
                row = row.model_copy(update={"metrics": found.metrics})
            rows.append(row)
    parent = StudyRow(
        study=name,
        experiment_id="1",
        run_id="parent",
        status="FINISHED",
        started=0,
        lake="lake1",
        recipe="recipe1",
        git_commit="abc",
        question=design.question,
        design=design,
    )
    return parent, rows, results
