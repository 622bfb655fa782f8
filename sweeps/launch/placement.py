"""`Placement`: the resources of a trial, and whether a cluster has them. Does not import Ray."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from datasets.errors import IceBenchError
from datasets.plural import noun

GROWN: Final = 64
"""Trials of several processes that are requested at a time where nodes are added on demand."""


class PlacementError(IceBenchError, ValueError):
    """The cluster can never give a trial the resources that it needs."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where and how trials run; it never changes their numbers.

    Attributes:
        cpus: CPUs for each process of a trial.
        gpus: GPUs for each process, a fraction to share one; None takes one where the cluster has any.
        processes: Processes of a trial, which share every batch.
        max_concurrent: Most trials at a time; None as many as fit.
        storage: Folder or URL for the checkpoints of trials, which every node can reach.
    """

    cpus: float
    gpus: float | None
    max_concurrent: int | None
    storage: str
    processes: int = 1

    @classmethod
    def of_trial(cls, *, cpus: float, gpus: float | None, max_concurrent: int | None, storage: str) -> "Placement":
        """Placement by what a trial gets: more than one GPU is as many processes, with `cpus` CPUs each.

        Raises:
            PlacementError: Several GPUs that are no whole number.
        """
        processes = 1 if gpus is None or gpus <= 1 else round(gpus)
        if gpus is not None and gpus > 1 and processes != gpus:
            raise PlacementError(
                f"{gpus:g} GPUs per trial are neither a part of one nor several whole ones: give a number up to 1, or "
                "a whole number"
            )
        return cls(
            cpus=cpus,
            gpus=None if gpus is None else gpus / processes,
            max_concurrent=max_concurrent,
            storage=storage,
            processes=processes,
        )


@dataclass(frozen=True, kw_only=True)
class Slots:
    """What a cluster has for the trials of a placement: GPUs for each process, room for trials at a time."""

    gpus: float
    room: int


def slots_for(nodes: Sequence[Mapping[str, float]], placement: Placement, *, grows: bool = False) -> Slots:
    """What the nodes have for a placement; one that names no GPUs takes one for each process where there are any.

    Where the cluster `grows`, nodes are added on demand: there will be room, even if there is none now.

    Raises:
        PlacementError: They cannot hold any trial.
    """
    any_gpu = any(node.get("GPU", 0) > 0 for node in nodes)
    gpus = placement.gpus if placement.gpus is not None else float(any_gpu)
    try:
        room = room_for(nodes, cpus=placement.cpus, gpus=gpus, processes=placement.processes)
    except PlacementError:
        if not grows:
            raise
        room = 0
    return Slots(gpus=gpus, room=max(room, GROWN) if grows else room)


def room_for(nodes: Sequence[Mapping[str, float]], *, cpus: float, gpus: float, processes: int) -> int:
    """Trials that nodes of `{"CPU": 8.0, "GPU": 1.0}` can hold at a time; processes of one may be on several nodes.

    A trial that they can never hold would wait for ever.

    Raises:
        PlacementError: It cannot hold any.
    """
    places = sum(
        int(min(node.get("CPU", 0) // cpus, node.get("GPU", 0) // gpus if gpus else float("inf"))) for node in nodes
    )
    if places < processes:
        have = "; ".join(_words(node.get("CPU", 0), node.get("GPU", 0)) for node in nodes)
        asked = _words(cpus, gpus)
        asked = asked if processes == 1 else f"{processes} processes with {asked} each"
        raise PlacementError(
            f"a trial asks for {asked} and the cluster does not have that (nodes: {have}): lower --cpus-per-trial or "
            "--gpus-per-trial, or add a node"
        )
    return places // processes


def _words(cpus: float, gpus: float) -> str:
    return f"{cpus:g} {noun(cpus, 'CPU')} and {gpus:g} {noun(gpus, 'GPU')}"
