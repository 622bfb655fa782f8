"""`--search optuna`: Optuna chooses the next combination of axis values by the val scores so far."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ray import tune
from ray.tune.search.optuna import OptunaSearch

from sweeps.design.axes import Cell, Changes, Together, joined
from sweeps.launch.order import SCORE, Order

_TRIES: Final = 200
"""Number of choices in a row that were all tried before, after which the search ends."""


class CombinationSearch(OptunaSearch):
    """Optuna over the values of axes, where one combination is trained once.

    If a combination is chosen again, or is finished in the record, Optuna gets its score and chooses another one. The
    search is over when the wanted number of combinations is known, or when there is no other one.

    Args:
        template: A trial without any change.
        choices: Axis -> value as text -> what it changes.
        known: Val score of finished trials by trial_id.
        samples: Combinations to try, those that are finished included.
        together: What values of several axes mean together; a combination that there is not is not tried.
    """

    def __init__(
        self,
        template: Order,
        choices: Mapping[str, Mapping[str, Changes]],
        known: Mapping[str, float],
        samples: int,
        together: Sequence[Together] = (),
    ) -> None:
        space = {axis: tune.choice(list(values)) for axis, values in choices.items()}
        super().__init__(self.convert_search_space(space), metric=SCORE, mode="max", seed=0)
        self._template, self._choices, self._known, self._samples = template, choices, known, samples
        self._together = together
        self._asked: dict[str, tuple[str, str]] = {}
        self._scores: dict[str, float | None] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """The next combination, as the order of its trial."""
        for number in range(_TRIES):
            if len(self._scores) >= self._samples:
                break
            asked = f"{trial_id}-{number}"
            order = self._order(super().suggest(asked))
            if order is None:
                super().on_trial_complete(asked, None)
                continue
            key = order.trial_id
            if key not in self._scores and key not in self._known:
                self._scores[key] = None
                self._asked[trial_id] = asked, key
                return order.config()
            score = self._scores.setdefault(key, self._known.get(key))
            super().on_trial_complete(asked, None if score is None else {SCORE: score})
        return self.FINISHED  # type: ignore[return-value] # a word, which the hints of the base class leave out

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """An epoch ended."""
        super().on_trial_result(self._asked[trial_id][0], result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """A training ended."""
        asked, key = self._asked[trial_id]
        self._scores[key] = None if result is None else result.get(SCORE)
        super().on_trial_complete(asked, result, error)

    def _order(self, chosen: Mapping[str, str] | None) -> Order | None:
        """None where there is no such combination."""
        words = dict(chosen or {})
        changes = {path: value for axis, word in words.items() for path, value in self._choices[axis][word].items()}
        cells = joined([Cell(labels=words, changes=changes)], self._together)
        return self._template.changed(cells[0].changes, words) if cells else None
