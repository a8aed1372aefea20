"""The policies that a run keeps beside its checkpoints: the best, and one at each trough of the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.errors import UserError
from lab.training import checkpoints, files
from lab.training.manifest import BrokenCheckpoint, paths

BEST = "best"
TROUGHS = "troughs"


class KeptPolicies:
    """A directory of them, each written whole and with sums of its bytes, as checkpoints are.

    A run that goes back to a checkpoint forgets what it had kept later as soon as it keeps another.

    Args:
        place: the directory.
        most: how many of the troughs stay, the newest; 0 keeps none.
    """

    def __init__(self, place: Path, most: int) -> None:
        self._place, self._most = place, most

    def keep_best(self, step: int, state: Mapping[str, Any]) -> None:
        """Put this in the place of the best one so far."""
        checkpoints.save(self._place / BEST, step, state, keep=len(paths(self._place / BEST)) + 1)
        self._forget(BEST, lambda other: other != step)

    def keep_trough(self, step: int, state: Mapping[str, Any]) -> None:
        """Keep this as the newest of the troughs."""
        if self._most:
            self._forget(TROUGHS, lambda other: other > step)
            checkpoints.save(self._place / TROUGHS, step, state, keep=self._most)

    def _forget(self, kind: str, which: Callable[[int], bool]) -> None:
        """Remove some: those later than the present were kept before the run went back to a checkpoint."""
        for step, path in paths(self._place / kind).items():
            if which(step):
                files.retire(path)

    def best(self) -> tuple[int, dict[str, Any]]:
        """The step of the best policy, and what was kept of it."""
        return self._read(BEST)[-1]

    def troughs(self) -> list[tuple[int, dict[str, Any]]]:
        """The same of every trough, the oldest first."""
        return self._read(TROUGHS)

    def _read(self, kind: str) -> list[tuple[int, dict[str, Any]]]:
        there = paths(self._place / kind)
        if not there:
            raise UserError(f"{self._place / kind}: no policy was kept")
        found = []
        for path in there.values():
            try:
                whole = checkpoints.load(path)
            except BrokenCheckpoint as error:
                raise UserError(f"{path}: not as it was written ({error}); delete it") from error
            found.append((whole.step, whole.state))
        return found
