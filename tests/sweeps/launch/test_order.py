"""What a worker gets of a trial."""

import pytest

from sweeps.design.catalogue import study, study_names
from sweeps.launch.order import Order


@pytest.mark.parametrize("name", study_names())
def test_an_order_is_the_same_trial_after_its_way_through_ray(name: str) -> None:
    nowhere = {"lake": "", "tracking_uri": "", "study": "", "parent_run": "", "storage": ""}
    for trial in study(name).with_seeds(1).trials():
        order = Order(spec=trial.spec, attribution=trial.attribution, labels={}, **nowhere)
        there = Order.of_config(order.config())
        assert there == order
        assert there.trial_id == order.trial_id == trial.trial_id


def test_another_cell_is_another_trial_under_its_labels() -> None:
    (trial, *_) = study("downscale").trials()
    nowhere = {"lake": "", "tracking_uri": "", "study": "", "parent_run": "", "storage": ""}
    order = Order(spec=trial.spec, labels={"task": "pixel", "seed": "0"}, **nowhere)
    other = order.changed({"data.ratio": 10}, {"data.ratio": "10"})
    assert other.spec == trial.spec.with_("data.ratio", 10)
    assert other.labels == {"task": "pixel", "seed": "0", "data.ratio": "10"}
    assert other.tags == {"axis.task": "pixel", "axis.data.ratio": "10"}
