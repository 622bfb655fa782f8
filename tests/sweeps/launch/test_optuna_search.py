"""What Optuna is asked and what it hears, without Ray."""

from sweeps.launch.optuna_search import CombinationSearch
from sweeps.launch.order import SCORE, Order
from tests.sweeps.launch.small_study import orders_of_nobody

CHOICES = {
    "optimizer.lr": {"0.01": {"optimizer.lr": 1e-2}, "0.1": {"optimizer.lr": 1e-1}},
    "loop.batch_size": {"2": {"loop.batch_size": 2}, "4": {"loop.batch_size": 4}},
}


def suggested(search: CombinationSearch, count: int) -> list[Order]:
    """Trains so many at most, each at once."""
    found = []
    for number in range(count):
        config = search.suggest(f"t{number}")
        if config == search.FINISHED:
            break
        assert config is not None
        found.append(Order.of_config(config))
        search.on_trial_complete(f"t{number}", {SCORE: 0.5})
    return found


def test_every_combination_is_trained_once_and_then_there_is_nothing_new() -> None:
    (template,) = orders_of_nobody(1)
    orders = suggested(CombinationSearch(template, CHOICES, {}, 10), 10)
    assert {(order.labels["optimizer.lr"], order.labels["loop.batch_size"]) for order in orders} == {
        (rate, size) for rate in ("0.01", "0.1") for size in ("2", "4")
    }
    assert len(orders) == 4
    assert all(order.spec.optimizer.lr == float(order.labels["optimizer.lr"]) for order in orders)
    assert all(order.labels["seed"] == "0" for order in orders)


def test_what_is_finished_counts_and_is_not_trained_again() -> None:
    (template,) = orders_of_nobody(1)
    first = suggested(CombinationSearch(template, CHOICES, {}, 3), 10)
    assert len(first) == 3
    known = {order.trial_id: 0.5 for order in first[:2]}
    again = suggested(CombinationSearch(template, CHOICES, known, 3), 10)
    assert not {order.trial_id for order in again} & set(known)
    assert len(again) == 1
    assert suggested(CombinationSearch(template, CHOICES, {order.trial_id: 0.5 for order in first}, 3), 10) == []
