"""What `--dry-run` says: trials, and what they will cost, as far as anybody knows.

Trials and their settings come from the study. What a trial costs comes from finished ones on the tracking server
(`sweeps.launch.estimate`), with `--measure` also from steps that are timed here; what is read and kept comes from the
lake. Nothing is written, and what cannot be asked is said.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.table import Table

from datasets.errors import IceBenchError
from datasets.plural import plural
from datasets.process.folders import nearest
from datasets.process.terminal import out, tell
from sweeps.design.axes import text
from sweeps.design.experiment import Experiment
from sweeps.design.point import Point
from sweeps.record.forecast import duration
from training.tracking.server import public

if TYPE_CHECKING:  # what is not asked is not imported
    from datasets.volume import LakeVolume
    from sweeps.launch.estimate import TrialCost
    from training.tracking.past_runs import PastRun

_SOURCES: Final = {
    "same": "by finished trials with the same settings",
    "alike": "by finished ones that are alike: same network, task, ratio, patches and steps",
    "measured": "by steps timed on this machine",
}
_WEIGHT_BYTES: Final = 4
_COPIES: Final = 2
"""Of the best weights among the records of a trial: the checkpoint, and the model that MLflow can load."""
_LAST_COPIES: Final = 3
"""Weights and what Adam keeps of each: the checkpoint of a training that is under way."""
_MAP_BYTES: Final = 500_000
"""Of the drawn map of one scene and chart, 1800 pixels wide; the speckle of SAR hardly compresses."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What could be asked before a study starts: finished runs, the lake at `url`; `notes` say what could not be."""

    past: "Sequence[PastRun]" = ()
    lake: "LakeVolume | None" = None
    url: str = ""
    notes: tuple[str, ...] = ()


def ask(tracking_uri: str, lake_url: str) -> Known:
    """Asks the tracking server and the lake; an empty address is not asked, and one that does not answer is named."""
    past: list[PastRun] = []
    lake, notes = None, list[str]()
    if tracking_uri:
        from training.tracking.past_runs import past_runs

        try:
            past = past_runs(tracking_uri)
            notes.append(f"asked {public(tracking_uri)}: {plural(len(past), 'finished trial')} of known cost")
        except IceBenchError as error:
            notes.append(f"no finished trials: {error}")
    else:
        notes.append("no finished trials: no tracking server is given, and none is here (--tracking-uri)")
    if lake_url:
        from datasets.volume import LakeVolume

        try:
            lake = LakeVolume.of(lake_url)
            notes.append(f"asked {public(lake_url)}: {plural(sum(lake.scenes.values()), 'scene')}")
        except IceBenchError as error:
            notes.append(f"no lake: {error}")
    else:
        notes.append("no lake: none is given, and none is here (--lake)")
    return Known(past=past, lake=lake, url=lake_url, notes=tuple(notes))


def show(
    parts: Sequence[Experiment],
    known: Known,
    storage: str,
    at_a_time: int | None,
    *,
    count: Callable[[Sequence[Point]], int] = len,
    measured: bool,
) -> None:
    """Prints trials of one study, or a line for each of several; then the cost of all.

    `count` says how many trials will run of those of a study: more where a search makes them up, each like one of
    these. With `measured`, steps are timed for trials whose cost is not on record.
    """
    groups = [part.trials() * max(count(part.trials()) // len(part.trials()), 1) for part in parts]
    trials = [trial for group in groups for trial in group]
    costs: list[list[TrialCost | None]] = [[None] * len(group) for group in groups]
    notes = list(known.notes)
    if known.past:
        from sweeps.launch.estimate import estimates, finished_on

        costs = [estimates(group, known.past) for group in groups]
        finished = finished_on([trial for part in parts for trial in part.trials()], known.past)
        notes = [*(f"finished before: {count} of them on lake {lake}" for lake, count in finished.items()), *notes]
    if measured:
        from sweeps.launch.measure import fill_in

        notes.append(fill_in(groups, costs, known.lake))
    if len(parts) == 1:
        out.print(_trials_table(parts[0]))
        if known.url and known.lake is not None and not parts[0].trained_by:
            from datasets.lake import Lake
            from sweeps.launch.reach_table import show_reach
            from sweeps.launch.scene_table import show_scenes

            show_scenes(parts[0], Lake.open(known.url))
            show_reach(parts[0], Lake.open(known.url))
        for line in _options(parts[0]):
            tell(line)
    else:
        out.print(_studies_table(parts, costs))
        tell(f"{plural(len(parts), 'study', 'studies')}, {plural(len(trials), 'trial')}")
    every = [cost for each in costs for cost in each]
    for line in (*_bill(trials, every, known, storage, at_a_time, measured=measured), *notes):
        tell(line)


def _trials_table(part: Experiment) -> Table:
    trials = part.trials()
    table = Table(title=f"{part.name}: {plural(len(trials), 'trial')}", caption=part.question)
    table.add_column("trial", justify="right")
    labels = list(part.labels())
    for axis in labels:
        table.add_column(axis, justify="right")
    for number, trial in enumerate(trials, start=1):
        table.add_row(str(number), *(text(trial.labels[axis]) if axis in trial.labels else "" for axis in labels))
    return table


def _options(part: Experiment) -> list[str]:
    """Values that run only where they are asked for, with what they cost; each once, also where both tasks have it."""
    every = (
        f"option: --only {axis}={text(value)} ({cost})"
        for arm in part.arms.values()
        for axis, costs in arm.optional.items()
        for value, cost in costs.items()
    )
    return list(dict.fromkeys(every))


def _studies_table(parts: Sequence[Experiment], costs: "Sequence[Sequence[TrialCost | None]]") -> Table:
    table = Table(caption="the trials of one: python -m sweeps run STUDY --dry-run")
    for column in ("study", "trials", "known", "GPU-h", "CPU-h"):
        table.add_column(column, justify="left" if column == "study" else "right", no_wrap=True)
    for part, each in zip(parts, costs, strict=True):
        found = [cost for cost in each if cost is not None]
        hours = (_hours(sum(getattr(cost, name) for cost in found)) for name in ("gpu_hours", "cpu_hours"))
        table.add_row(part.name, str(len(each)), str(len(found)), *(hours if found else ("?", "?")))
    return table


def _bill(
    trials: Sequence[Point],
    costs: "Sequence[TrialCost | None]",
    known: Known,
    storage: str,
    at_a_time: int | None,
    *,
    measured: bool,
) -> Iterator[str]:
    """Sentences about time, memory, disk and reading."""
    found = [cost for cost in costs if cost is not None]
    unknown = len(costs) - len(found)
    if found:
        hours = {name: sum(getattr(cost, f"{name.lower()}_hours") for cost in found) for name in ("GPU", "CPU")}
        said = " and ".join(f"{_hours(value)} {name}-hours" for name, value in hours.items() if value)
        wall = duration(sum(cost.seconds for cost in found) / (at_a_time or 1))
        order = f"{at_a_time} at a time" if at_a_time and at_a_time > 1 else "one after the other"
        counts: Counter[str] = Counter(cost.source for cost in found)
        bound = "at least " if unknown else "up to " if counts["measured"] else ""
        yield f"time: {bound}{said or '0 hours'}; {wall} {order}"
        by = [f"{counts[source]} {words}" for source, words in _SOURCES.items() if counts[source]]
        yield f"known: {len(found)} of {plural(len(costs), 'trial')}; {', '.join(by)}"
        yield f"memory: up to {max(cost.memory_mib for cost in found) / 1024:.1f} GiB for a trial"
    if unknown:
        advice = "" if measured else "; --measure times a few steps of their networks on this machine"
        yield f"not known: time, memory and checkpoints of {unknown} of {plural(len(costs), 'trial')}{advice}"
    yield from _disk(trials, found, known.lake, storage)
    if known.lake is not None:
        yield from _reading(trials, known.lake)


def _disk(
    trials: Sequence[Point], costs: "Sequence[TrialCost]", lake: "LakeVolume | None", storage: str
) -> Iterator[str]:
    weights = _WEIGHT_BYTES * sum(cost.parameters for cost in costs)
    largest = _WEIGHT_BYTES * max((cost.parameters for cost in costs), default=0.0)
    if weights:
        yield (
            f"disk: {_size(weights)} of checkpoints under {public(storage)}{_free(storage)}, and "
            f"{_size(_LAST_COPIES * largest)} more for each trial that runs"
        )
        yield f"records: {_size(_COPIES * weights)} of networks in MLflow"
    if lake is not None:
        charts = sum(
            len(trial.spec.data.targets)
            for trial in trials
            if trial.attribution is None and trial.spec.evaluation.maps == "all"
        )
        if maps := charts * lake.scenes["test"] * _MAP_BYTES:
            yield f"records: about {_size(maps)} of maps in MLflow ({plural(lake.scenes['test'], 'test scene')})"


def _reading(trials: Sequence[Point], lake: "LakeVolume") -> Iterator[str]:
    """Every node decodes every ratio once, for all trials."""
    ratios = sorted({trial.spec.data.ratio for trial in trials})
    missing = [ratio for ratio in ratios if ratio not in lake.ratios]
    there = [ratio for ratio in ratios if ratio in lake.ratios]
    words = ", ".join(map(str, there))
    if there:
        yield (
            f"lake: each node reads {_size(sum(map(lake.stored_bytes, there)))} (ratio {words}) and keeps up to "
            f"{_size(sum(map(lake.decoded_bytes, there)))} of it decoded in ICEBENCH_CACHE"
        )
    if missing:
        yield f"lake: it lacks the ratio {', '.join(map(str, missing))}"


def _free(storage: str) -> str:
    """Free bytes of a folder's disk; nothing for a bucket."""
    if "://" in storage:
        return ""
    return f" ({_size(shutil.disk_usage(nearest(Path(storage))).free)} are free)"


def _hours(hours: float) -> str:
    return f"{hours:.0f}" if hours >= 100 else f"{hours:.1f}" if hours >= 1 or not hours else f"{hours:.2g}"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
