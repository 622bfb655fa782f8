"""`Strategy`: which points of a study are trained, and which trainings are given up early. Knows no Ray."""

from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from datasets.errors import unknown_name
from sweeps.design.experiment import Experiment, ExperimentError

Search = Literal["grid", "random", "optuna"]
Scheduler = Literal["none", "asha", "pbt"]
SEARCHES: Final[tuple[Search, ...]] = get_args(Search)
SCHEDULERS: Final[tuple[Scheduler, ...]] = get_args(Scheduler)

SAMPLES: Final = 20
"""Combinations that a search tries where no number is given."""


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How a study goes through its points.

    Attributes:
        search: `grid` trains every point; `random` draws combinations of the axes; `optuna` chooses the next ones by
            the val scores so far (tree-structured Parzen estimator).
        samples: Combinations of a search.
        scheduler: `asha` gives up trainings that are behind (Li et al. 2020); `pbt` copies good ones over bad ones and
            changes their learning rate (Jaderberg et al. 2017).
    """

    search: Search = "grid"
    samples: int = SAMPLES
    scheduler: Scheduler = "none"

    @classmethod
    def parse(cls, search: str, scheduler: str) -> "Strategy":
        """From the words of the command line, `optuna:40` for 40 combinations.

        Raises:
            UnknownNameError: Another word.
            ExperimentError: The number is none, or the two do not go together.
        """
        name, colon, number = search.partition(":")
        if name not in SEARCHES:
            raise unknown_name("search", name, SEARCHES)
        if scheduler not in SCHEDULERS:
            raise unknown_name("scheduler", scheduler, SCHEDULERS)
        if colon and (not number.isdecimal() or int(number) < 1 or name == "grid"):
            raise ExperimentError(
                f"--search {search!r} is not allowed: write grid, random, optuna, or with a number of combinations "
                "random:20, optuna:20"
            )
        if scheduler == "pbt" and name != "grid":
            raise ExperimentError(
                f"--scheduler pbt changes the points while they train and does not go with --search {name}: use asha"
            )
        return cls(search=name, samples=int(number) if colon else SAMPLES, scheduler=scheduler)

    @property
    def by_score(self) -> bool:
        """Whether it goes by the val scores of trainings, and so has nothing to say to a study that trains nothing."""
        return self.search == "optuna" or self.scheduler == "pbt"

    @property
    def suffix(self) -> str:
        """What is added to the name of the study: a search has other points, and `pbt` other trainings."""
        parts = [*([self.search] if self.search != "grid" else []), *(["pbt"] if self.scheduler == "pbt" else [])]
        return "".join(f"-{part}" for part in parts)


def searched(experiment: Experiment, strategy: Strategy) -> Experiment:
    """The study as its strategy makes it: a search trains one seed, and has combinations of all axes as points.

    Raises:
        ExperimentError: Optuna was asked for both tasks at once.
    """
    if strategy.search == "grid":
        return experiment.searched(strategy.suffix)
    if strategy.search == "optuna" and len(experiment.arms) > 1:
        raise ExperimentError("--search optuna looks at one task at a time: add --task pixel or --task patch")
    one_seed = replace(experiment, seeds=tuple(experiment.seeds)[:1])
    return one_seed.searched(strategy.suffix, strategy.samples if strategy.search == "random" else 1)
