"""What a mirror of a run's metrics log is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from lab.door.text import one_line
from lab.errors import UserError

if TYPE_CHECKING:
    from lab.training.run import Run


class Mirror(ABC):
    """Shows a run's metrics log in somebody else's program: written from the log, never read, never in the run's way.

    Its methods may raise whatever that program raises: it costs the mirror, and not the run.

    Attributes:
        name: of its option, of the extra that it needs, and of its folder in a run directory.
        program: what it is shown in, for the option's help.
        folder: where its files go.
    """

    name: ClassVar[str]
    program: ClassVar[str]

    def __init__(self, run: Run) -> None:
        self.folder = run.path / self.name

    @classmethod
    def require(cls) -> None:
        """Make sure that it can be written here.

        Raises:
            UserError: what it needs is not installed, or cannot be imported; names the extra to install.
        """
        try:
            cls.load()
        except Exception as error:  # someone else's package, which fails in its own ways where it is only half there
            reason = one_line(str(error), 200)
            raise UserError(f"--{cls.name}: {reason}; install it: pip install 'phase-lab[{cls.name}]'") from None

    @staticmethod
    @abstractmethod
    def load() -> None:
        """Import what it is written with."""

    @abstractmethod
    def begin(self) -> None:
        """Begin anew, with no rows: whatever it showed before is gone."""

    @abstractmethod
    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Show further rows."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it, if it was begun."""

    @property
    @abstractmethod
    def view(self) -> str:
        """How the user gets to see it."""
