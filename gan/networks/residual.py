"""Residual blocks: what two branches make of the same input, added (He et al. 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from gan.networks.conditional import ClassSequential


class Residual(nn.Module):
    """``shortcut(x) + branch(x)``; neither may work in place on its input."""

    def __init__(self, branch: nn.Sequential | ClassSequential, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self.takes_labels = isinstance(branch, ClassSequential)

    def forward(self, input: Tensor, *labels: Tensor) -> Tensor:
        """From [n, channels, size, size] to what both branches give; labels where the branch takes them."""
        total: Tensor = self.shortcut(input) + self.branch(input, *labels)
        return total
