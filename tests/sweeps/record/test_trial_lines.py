"""Lines of trials from rows and the design, with a fake clock."""

from sweeps.record.design import StudyDesign
from sweeps.record.run_tags import EPOCHS, Ordered, alive_tag, ordered_tag
from sweeps.record.study import TrialRow
from sweeps.record.trial_lines import TrialLine, counts_of, trial_lines

NOW = 10_000.0
DESIGN = StudyDesign(
    question="Q?", objective="test/f1", axes={"task": ("pixel",), "r": ("2", "5")}, seeds=(0, 1), trials=4
)
NAMES = tuple(f"task=pixel r={ratio} seed={seed}" for ratio in (2, 5) for seed in (0, 1))


def row(ratio: int, seed: int, status: str, *, started: float, ended: float | None = None, **tags: str) -> TrialRow:
    return TrialRow(
        trial_id=f"{ratio}-{seed}",
        run_id=f"{ratio}-{seed}-{started}",
        status=status,
        started=int(started * 1000),
        ended=None if ended is None else int(ended * 1000),
        params={"loop.max_epochs": "10"},
        tags={"axis.task": "pixel", "axis.r": str(ratio), "seed": str(seed), **tags},
        metrics={"val/f1": 0.25},
    )


def by_name(*rows: TrialRow, ordered: Ordered | None = None, runs: bool = True) -> dict[str, TrialLine]:
    return {line.name: line for line in trial_lines(DESIGN, ordered, rows, NOW, runs=runs)}


def test_running_and_waiting_trials_have_an_end() -> None:
    finished = row(2, 0, "FINISHED", started=NOW - 900, ended=NOW - 300)
    runs = row(2, 1, "RUNNING", started=NOW - 200, **{EPOCHS: "4", **alive_tag(NOW - 30)})
    lines = by_name(finished, runs)
    assert list(lines) == [NAMES[1], NAMES[0], NAMES[2], NAMES[3]], "what runs comes first"
    assert (lines[NAMES[1]].end, lines[NAMES[1]].alive, lines[NAMES[1]].epochs) == (NOW + 400, NOW - 30, 4)
    assert [lines[name].end for name in NAMES[2:]] == [NOW + 1000, NOW + 1600], "one at a time, as now"
    assert lines[NAMES[0]].end is None
    assert counts_of(lines.values()) == "1 running, 1 finished, 2 waiting"


def test_only_what_the_driver_has_ordered_waits() -> None:
    ordered = Ordered.from_tag(ordered_tag(int((NOW - 500) * 1000), [NAMES[3], NAMES[0], NAMES[1]]))
    before = row(2, 0, "FAILED", started=NOW - 900, ended=NOW - 800)
    since = row(2, 1, "FAILED", started=NOW - 400, ended=NOW - 300)
    lines = by_name(before, since, ordered=ordered)
    assert {name: line.state for name, line in lines.items()} == {
        NAMES[0]: "waiting",  # again
        NAMES[1]: "failed",
        NAMES[2]: "missing",
        NAMES[3]: "waiting",
    }
    assert {line.state for line in by_name(before, ordered=ordered, runs=False).values()} == {"failed", "missing"}


def test_trials_that_a_search_will_make_up_are_counted() -> None:
    design = DESIGN.model_copy(update={"trials": 7, "axes": {"task": ("pixel",)}})
    lines = trial_lines(design, None, [row(2, 0, "RUNNING", started=NOW - 60)], NOW, runs=True)
    assert [(line.name, line.state) for line in lines] == [("task=pixel seed=0", "running"), ("6 more", "waiting")]


def test_a_study_without_a_design_has_the_trials_that_were_started() -> None:
    (line,) = trial_lines(None, None, [row(2, 0, "KILLED", started=1, ended=2)], NOW, runs=False)
    assert (line.name, line.state, line.val_f1) == (NAMES[0], "killed", 0.25)


def test_more_names_than_a_tag_holds_are_all_that_there_are() -> None:
    assert Ordered.from_tag(ordered_tag(5, ["x" * 100] * 100)) == Ordered(at=5, names=None)
    assert Ordered.from_tag("") is None
