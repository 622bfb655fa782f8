"""Inputs of a scene that lie in memory."""

import torch


class TensorInputs:
    """Windows of one tensor (C, H, W); records which were requested."""

    def __init__(self, x_CHW: torch.Tensor) -> None:
        self.x_CHW = x_CHW
        self.asked: list[tuple[slice, slice]] = []

    @property
    def shape(self) -> tuple[int, int]:
        lines, samples = self.x_CHW.shape[1:]
        return lines, samples

    def window(self, lines: slice, samples: slice) -> torch.Tensor:
        assert 0 <= lines.start < lines.stop <= self.shape[0]
        assert 0 <= samples.start < samples.stop <= self.shape[1]
        self.asked.append((lines, samples))
        return self.x_CHW[:, lines, samples]
