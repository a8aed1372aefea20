"""Notices the first non-finite loss or gradient without making the device wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite

import torch

from lab.door.jsons import LARGEST, LONGEST_NAME
from lab.door.text import one_line
from lab.errors import RunError

NEVER = torch.iinfo(torch.int64).max


class NonFiniteError(RunError):
    """A quantity became NaN or infinite; ``name`` and ``step`` say which and when it first did."""

    def __init__(self, name: str, step: int, value: float | None = None, note: str = "") -> None:
        shown = "not finite" if value is None else f"{value}"
        super().__init__(f"{name} was {shown} at step {step}{note}")
        self.name = name
        self.step = step
        self.value = value


class FiniteWatch:
    """Remembers, on the device, the first step at which each of ``names`` was not finite.

    ``observe`` costs three small kernels and no synchronisation; ``check`` waits for the device once. A trainer calls
    ``check`` at the start of ``metrics`` and of ``state_dict``, so that nothing after a NaN is ever logged or saved.
    """

    def __init__(self, names: Sequence[str], device: torch.device | str) -> None:
        self.names = tuple(names)
        self._first = torch.full((len(self.names),), NEVER, dtype=torch.int64, device=device)

    def observe(self, step: int | torch.Tensor, values: torch.Tensor) -> None:
        """Look at ``values`` (shape ``[len(names)]``, on the watch's device), the quantities of ``step``.

        The step may be a tensor too, int64[] on the device.
        """
        finite = torch.isfinite(values.detach())
        torch.minimum(self._first, torch.where(finite, NEVER, step), out=self._first)

    def check(self) -> None:
        """Raise :class:`NonFiniteError` for the earliest non-finite quantity seen so far, if there was one."""
        first: list[int] = self._first.tolist()
        step = min(first, default=NEVER)
        if step != NEVER:
            raise NonFiniteError(self.names[first.index(step)], step)


def check_row(step: int, row: Mapping[str, float]) -> None:
    """Raise :class:`NonFiniteError` if a training quantity of the row is not finite (omit what is undefined)."""
    for name, value in row.items():
        if not isfinite(value):
            raise NonFiniteError(name, step, value)


def check_loggable(step: int, row: Mapping[str, object]) -> None:
    """Raise :class:`RunError` for the first entry of a row that its log could not be read back with.

    NaN and infinities can: what an evaluation finds need not be finite.
    """
    for name, value in row.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or LARGEST < abs(value) < inf:
            raise RunError(
                f"{one_line(name, 40)} is {one_line(str(value), 40)} at step {step}; "
                f"a number of at most {LARGEST:g} is expected"
            )
        if not name.isprintable() or len(name) > LONGEST_NAME:
            wanted = f"a name has at most {LONGEST_NAME} printable characters"
            raise RunError(f"the metric {one_line(name, 40)!r} cannot be logged; {wanted}")
