"""Floors: what pixels give without a network around them. They are fitted at once instead of trained step by step.

Each is a module like every network, (B, C, H, W) normalized channels -> (B, K, H, W) logits, whose numbers are buffers:
so it is validated, scored, kept and recorded by the same protocol.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.channels import INPUTS
from datasets.errors import unknown_name
from training.models.library import built, refuse_unknown
from training.spec import ModelSpec, SpecError, Task

PREFIX: Final = "floor:"
_NEVER: Final = -30.0
"""Logit of a class that was not seen."""


class Floor(nn.Module):
    """A classifier of single pixels; `fit` takes (n, C) float32 inputs and (n,) int64 classes."""

    def fit(self, x_NC: NDArray[np.float32], y_N: NDArray[np.int64], seed: int) -> None:
        """Sets the numbers of the floor by labelled pixels."""
        raise NotImplementedError


class Commonest(Floor):
    """Always the commonest class."""

    def __init__(self, in_channels: int, n_outputs: int) -> None:
        super().__init__()
        self.logits_K: torch.Tensor
        self.register_buffer("logits_K", torch.zeros(n_outputs))

    def fit(self, x_NC: NDArray[np.float32], y_N: NDArray[np.int64], seed: int) -> None:
        """Counts the classes."""
        shares = np.bincount(y_N, minlength=len(self.logits_K)) / len(y_N)
        self.logits_K.copy_(torch.from_numpy(np.where(shares > 0, np.log(np.maximum(shares, 1e-12)), _NEVER)))

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """The same for every pixel."""
        return self.logits_K[None, :, None, None].expand(len(x_BCHW), -1, *x_BCHW.shape[2:]).contiguous()


class Threshold(Floor):
    """One class below a threshold of HV backscatter, another above it.

    Args:
        in_channels: Of the trial.
        n_outputs: Classes.
        hv: Place of the HV channel.
        incidence: Place of the incidence angle, by which HV is corrected with a slope that is fitted; None does not.
    """

    def __init__(
        self,
        in_channels: int,
        n_outputs: int,
        *,
        hv: int = INPUTS.index("nersc_sar_secondary"),
        incidence: int | None = INPUTS.index("sar_incidenceangle"),
    ) -> None:
        super().__init__()
        if max(hv, incidence or 0) >= in_channels:
            raise SpecError(
                f"the floor needs the channels {hv} and {incidence} and has {in_channels}: name their places"
            )
        self.hv, self.incidence = hv, incidence
        self.slope: torch.Tensor
        self.level: torch.Tensor
        self.sides_2K: torch.Tensor
        self.register_buffer("slope", torch.zeros(()))
        self.register_buffer("level", torch.zeros(()))
        self.register_buffer("sides_2K", torch.zeros(2, n_outputs))

    def fit(self, x_NC: NDArray[np.float32], y_N: NDArray[np.int64], seed: int) -> None:
        """Tries slopes, and for each every threshold; keeps what gets most pixels right."""
        slopes = [0.0] if self.incidence is None else np.linspace(-1.0, 1.0, 41).tolist()
        best = -1
        for slope in slopes:
            values = x_NC[:, self.hv] + (0.0 if self.incidence is None else slope * x_NC[:, self.incidence])
            order = np.argsort(values, kind="stable")
            below = np.cumsum(np.eye(self.sides_2K.shape[1], dtype=np.int64)[y_N[order]], axis=0)
            above = below[-1] - below
            right = below.max(axis=1) + above.max(axis=1)
            place = int(right.argmax())
            if right[place] > best:
                best = int(right[place])
                self.slope.fill_(slope)
                self.level.fill_(float(values[order[place]]))
                counts = torch.from_numpy(np.stack([below[place], above[place]]).astype(np.float32))
                self.sides_2K.copy_((counts.clamp(min=1e-6) / counts.sum(1, keepdim=True).clamp(min=1)).log())

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Class shares on the pixel's side of the threshold."""
        value_BHW = x_BCHW[:, self.hv]
        if self.incidence is not None:
            value_BHW = value_BHW + self.slope * x_BCHW[:, self.incidence]
        return self.sides_2K[(value_BHW > self.level).long()].movedim(-1, 1)


class Linear(Floor):
    """Multinomial logistic regression on the channels of a pixel (scikit-learn)."""

    def __init__(self, in_channels: int, n_outputs: int) -> None:
        super().__init__()
        self.weight_KC: torch.Tensor
        self.bias_K: torch.Tensor
        self.register_buffer("weight_KC", torch.zeros(n_outputs, in_channels))
        self.register_buffer("bias_K", torch.zeros(n_outputs))

    def fit(self, x_NC: NDArray[np.float32], y_N: NDArray[np.int64], seed: int) -> None:
        """By L-BFGS."""
        from sklearn.linear_model import LogisticRegression

        self.weight_KC.zero_()
        self.bias_K.fill_(_NEVER)
        classes = np.unique(y_N)
        if len(classes) == 1:
            self.bias_K[classes[0]] = 0.0
            return
        found = LogisticRegression(max_iter=200).fit(x_NC.astype(np.float64), y_N)
        weights, bias = found.coef_, found.intercept_
        if len(classes) == 2:  # one row, for the second class
            weights, bias = np.concatenate([0 * weights, weights]), np.concatenate([0 * bias, bias])
        self.weight_KC[classes] = torch.from_numpy(weights).float()
        self.bias_K[classes] = torch.from_numpy(bias).float()

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Logits of every pixel."""
        return torch.einsum("kc,bchw->bkhw", self.weight_KC, x_BCHW) + self.bias_K[None, :, None, None]


class Trees(Floor):
    """Boosted trees on the channels of a pixel: histogram gradient boosting of scikit-learn, computed here by torch.

    Args:
        in_channels: Of the trial.
        n_outputs: Classes.
        rounds: Of boosting; each has a tree for every class.
        leaves: Of a tree.
        depth: Of a tree at most.
    """

    def __init__(self, in_channels: int, n_outputs: int, *, rounds: int = 50, leaves: int = 31, depth: int = 8) -> None:
        super().__init__()
        self.rounds, self.leaves, self.depth = rounds, leaves, depth
        nodes = (rounds, n_outputs, 2 * leaves - 1)
        self.base_K: torch.Tensor
        self.register_buffer("base_K", torch.full((n_outputs,), _NEVER))
        for name in ("channel", "left", "right"):
            self.register_buffer(name, torch.zeros(nodes, dtype=torch.int64))
        for name in ("level", "value"):
            self.register_buffer(name, torch.zeros(nodes))

    def fit(self, x_NC: NDArray[np.float32], y_N: NDArray[np.int64], seed: int) -> None:
        """Boosts, and copies the trees into buffers; a leaf points to itself."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        classes = np.unique(y_N)
        self.base_K.fill_(_NEVER)
        self.get_buffer("value").zero_()
        for name in ("left", "right"):
            self.get_buffer(name).zero_()
        if len(classes) == 1:
            self.base_K[classes[0]] = 0.0
            return
        boosted = HistGradientBoostingClassifier(
            max_iter=self.rounds,
            max_leaf_nodes=self.leaves,
            max_depth=self.depth,
            early_stopping=False,
            random_state=seed,
        ).fit(x_NC, y_N)
        places = classes[1:] if len(classes) == 2 else classes  # two classes have one tree, for the second
        self.base_K[classes] = 0.0
        self.base_K[places] = torch.from_numpy(np.ravel(boosted._baseline_prediction)).float()
        for round_, trees in enumerate(boosted._predictors):
            for place, tree in zip(places, trees, strict=True):
                self._copy(round_, int(place), tree.nodes)

    def _copy(self, round_: int, place: int, nodes: NDArray[Any]) -> None:
        own, leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
        level = np.where(leaf, 0.0, nodes["num_threshold"]).astype(np.float32)
        content = {
            "channel": np.where(leaf, 0, nodes["feature_idx"]),
            "left": np.where(leaf, own, nodes["left"]),
            "right": np.where(leaf, own, nodes["right"]),
            "level": level,
            "value": np.where(leaf, nodes["value"], 0.0),
        }
        for name, values in content.items():
            buffer = self.get_buffer(name)
            buffer[round_, place, : len(nodes)] = torch.from_numpy(values).to(buffer.dtype)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Sums of the leaves that a pixel falls into, round by round, all classes side by side."""
        x_CN = x_BCHW.movedim(1, 0).flatten(1)
        sums_KN = self.base_K[:, None].expand(-1, x_CN.shape[1]).clone()
        for round_ in range(self.rounds):
            channel, left, right, level, value = (
                self.get_buffer(name)[round_] for name in ("channel", "left", "right", "level", "value")
            )
            at_KN = torch.zeros(sums_KN.shape, dtype=torch.int64, device=x_CN.device)
            for _ in range(self.depth):
                known_KN = x_CN.gather(0, channel.gather(1, at_KN))
                below_KN = known_KN <= level.gather(1, at_KN)
                at_KN = torch.where(below_KN, left.gather(1, at_KN), right.gather(1, at_KN))
            sums_KN += value.gather(1, at_KN)
        lines, samples = x_BCHW.shape[2:]
        return sums_KN.view(-1, len(x_BCHW), lines, samples).movedim(0, 1).contiguous()


FLOORS: Final[Mapping[str, type[Floor]]] = {
    "commonest": Commonest,
    "threshold": Threshold,
    "linear": Linear,
    "trees": Trees,
}
_PARAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "threshold": ("hv", "incidence"),
    "trees": ("rounds", "leaves", "depth"),
}


def build(spec: ModelSpec, *, task: Task, in_channels: int, n_outputs: int) -> nn.Module:
    """Builds a floor, `floor:trees`, not fitted yet.

    Raises:
        UnknownNameError: There is no such floor.
        SpecError: The task is patch-based, or a parameter or pretrained weights are given that it has not.
    """
    name = spec.name.removeprefix(PREFIX)
    if name not in FLOORS:
        raise unknown_name("floor", spec.name, [f"{PREFIX}{each}" for each in FLOORS])
    if task != "pixel":
        raise SpecError(f"model.name = {spec.name!r} classifies pixels and data.task is {task!r}: make it 'pixel'")
    if spec.pretrained is not None:
        raise SpecError(f"model.pretrained is not allowed for {spec.name!r}: it is fitted, leave it out")
    refuse_unknown(spec.name, spec.params, _PARAMS.get(name, ()))
    return built(spec.name, lambda: FLOORS[name](in_channels, n_outputs, **spec.params))
