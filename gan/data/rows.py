"""Rows that the host lays out on a device for many steps at once, and that the device takes one by one."""

from __future__ import annotations

import torch
from torch import Tensor


class Rows:
    """A table on a device, and a counter beside it of the row that is taken next.

    Both stay where they are in memory, as a CUDA graph needs.

    Args:
        most: how many rows may be laid out at once.
        device: where they are taken.
    """

    def __init__(self, most: int, device: torch.device) -> None:
        self._most = most
        self._next = torch.zeros(1, dtype=torch.int64, device=device)
        self._rows: Tensor | None = None

    def lay_out(self, rows: Tensor) -> None:
        """Put rows [k, …] of the host in the place of those laid out before, without waiting for the device.

        Their type and shape, but for k up to ``most``, are those of the first call.
        """
        if self._rows is None:
            self._rows = torch.empty((self._most, *rows.shape[1:]), dtype=rows.dtype, device=self._next.device)
        self._rows[: len(rows)].copy_(sent(rows, self._rows.device))
        self._next.zero_()

    def take(self) -> Tensor:
        """The next row […]; the host never learns which."""
        if self._rows is None:
            raise RuntimeError("no rows are laid out")
        row = self._rows.index_select(0, self._next)[0]
        self._next.add_(1)
        return row


def sent(values: Tensor, device: torch.device) -> Tensor:
    """``values`` on ``device``; only from pinned memory does a copy to a GPU not make the host wait."""
    if device.type != "cuda" or values.device.type == "cuda":
        return values
    return values.pin_memory().to(device, non_blocking=True)
