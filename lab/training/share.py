"""Which part of every batch a trainer learns from, where it is one of several workers on the same stream of batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Share:
    """The ``rank``-th of ``size`` equal parts; of one part it is all.

    A trainer draws every batch, its latent points included, whole and from the stream of its seed, and learns from
    :meth:`of` it: together the workers learn from what one alone would have. What is drawn for each sample while it
    passes a network (dropout, augmentation) comes from a stream of the worker's own, :meth:`use`.

    Attributes:
        apart: whether the workers' weights differ until they are averaged.
        outer: whether an outer optimiser moves the averaged weights, so that they are no mean.
        ahead: by how many cycles this worker's learning rates are ahead of the first one's.
        minded: whether the trainer asked for it; one that never does would learn everything on every worker.
    """

    rank: int = 0
    size: int = 1
    apart: bool = False
    outer: bool = False
    ahead: float = 0.0
    minded: bool = False

    def refuse_points(self, keeper: str) -> None:
        """Refuse an optimiser that keeps points beside the weights, where these go elsewhere than to a mean.

        Raises:
            UserError: ``keeper`` names it.
        """
        if self.outer:
            raise UserError(
                f"workers.outer_optimizer: it would move the weights away from the points that {keeper} keeps; null is "
                "accepted"
            )

    def of(self, batch: Tensor) -> Tensor:
        """This worker's part of [n, …], float or whole numbers; n is a multiple of ``size``."""
        return batch[self.among(len(batch))]

    def among(self, n: int) -> slice:
        """Its places among n samples."""
        self.minded = True
        part = n // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def use(self, word: str) -> str:
        """A use of chance that no other worker shares; the first worker's is the word itself."""
        return f"{word}@{self.rank}" if self.rank else word
