"""Everything that decides the numbers of one training: `TrialSpec` and its parts."""

from training.spec.data import DataSpec, SceneFilter, Task
from training.spec.errors import SpecError
from training.spec.parts import AugmentSpec, EvaluationSpec, LoopSpec, LossSpec, ModelSpec, OptimizerSpec
from training.spec.trial_spec import TrialSpec

__all__ = [
    "AugmentSpec",
    "DataSpec",
    "EvaluationSpec",
    "LoopSpec",
    "LossSpec",
    "ModelSpec",
    "OptimizerSpec",
    "SceneFilter",
    "SpecError",
    "Task",
    "TrialSpec",
]
