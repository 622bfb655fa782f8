"""What the outputs of a network mean."""

import torch

from training.models.heads import heads_of, n_outputs
from training.spec import TrialSpec


def test_heads_lie_side_by_side_and_predict_their_own_classes() -> None:
    spec = TrialSpec.from_dict({"data": {"targets": ["SOD", "SIC", "FLOE"]}, "loss": {"sic": "regression"}})
    sod, sic, floe = heads_of(spec)
    assert [(head.first, head.width) for head in (sod, sic, floe)] == [(0, 6), (6, 1), (7, 7)]
    assert n_outputs(spec) == 14
    outputs = torch.zeros(1, 14, 2, 2)
    outputs[:, 4], outputs[:, 7 + 2] = 5.0, 5.0
    outputs[0, 6] = torch.tensor([[-3.0, 2.6], [9.4, 77.0]])
    assert (sod.classes(outputs) == 4).all()
    assert (floe.classes(outputs) == 2).all()
    assert sic.classes(outputs).tolist() == [[[0, 3], [9, 10]]]
    assert sic.classes(outputs).dtype == torch.uint8


def test_sic_as_classes_has_a_logit_for_each() -> None:
    assert n_outputs(TrialSpec.from_dict({"data": {"targets": ["SIC"]}})) == 11
