"""What single parts of a spec refuse."""

import pytest
from pydantic import BaseModel, ValidationError

from training.spec import LossSpec, ModelSpec, OptimizerSpec


@pytest.mark.parametrize(
    ("part", "fields", "sentence"),
    [
        (ModelSpec, {"params": {"filters": {1, 2}}}, "parameters must be plain JSON values"),
        (ModelSpec, {"params": {"rate": float("nan")}}, "parameters must be plain JSON values"),
        (LossSpec, {"task_weights": {"SOD": 0.0}}, "the weight of SOD must be above 0"),
        (LossSpec, {"class_weights": [1.0, -1.0]}, "class weights must be 0 or more"),
        (OptimizerSpec, {"lr": float("inf")}, "finite number"),
        (OptimizerSpec, {"learning_rate": 1.0}, "Extra inputs are not permitted"),
    ],
)
def test_a_value_that_is_not_allowed_is_named(part: type[BaseModel], fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        part.model_validate(fields)
