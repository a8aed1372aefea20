"""Residual blocks: what two branches make of the same input, added (He et al. 2016)."""

from __future__ import annotations

from torch import Tensor, nn


class Residual(nn.Module):
    """``shortcut(x) + branch(x)``; neither may work in place on its input."""

    def __init__(self, branch: nn.Sequential, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = nn.Identity() if shortcut is None else shortcut

    def forward(self, input: Tensor) -> Tensor:
        """From [n, channels, size, size] to what both branches give."""
        total: Tensor = self.shortcut(input) + self.branch(input)
        return total
