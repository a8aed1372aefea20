"""What the trainer asks of data, and the two ways to answer: draw from a density, or shuffle what there is."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from gan.data.rows import Rows, sent
from lab.errors import UserError
from lab.training.epochs import Epochs, Places
from lab.training.share import Share

RESIDENT_FRACTION = 0.5
"""Share of a GPU's free memory that a data set may take; a larger one stays in host memory."""


class Source(Protocol):
    """Real samples, batch after batch."""

    def batch(self, n: int) -> Tensor:
        """The next ``n`` samples, float32[n, *shape] on the training device."""

    def state_dict(self) -> dict[str, Any]:
        """Where the source stands (its cursor and order); its generators are saved by their owner."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where ``state_dict`` was taken."""


class LabelledSource(Source, Protocol):
    """Real samples with their classes."""

    def labelled(self, n: int) -> tuple[Tensor, Tensor]:
        """The next ``n`` samples, as ``batch`` would give them, and their labels, one-hot rows float32[n, classes]."""


@dataclass(frozen=True)
class Ahead:
    """A source whose batches ask nothing of the host, once it has laid out what they need.

    Attributes:
        source: gives batches of the agreed size, without a state of its own.
        lay_out: called with the number of batches that will be taken before it is called again; the source that this
            was made from stands then where these batches will have left it.
    """

    source: Source
    lay_out: Callable[[int], object]


class AheadSource(Source, Protocol):
    """A source that can be asked for batches beforehand; any other is drawn from step by step."""

    def ahead(self, most: int, n: int) -> Ahead | None:
        """The same samples for up to ``most`` batches of ``n`` laid out at once; None where they lie on the host."""


def ahead(source: Source, most: int, n: int) -> Ahead | None:
    """As :meth:`AheadSource.ahead`, for any source."""
    return cast(AheadSource, source).ahead(most, n) if hasattr(source, "ahead") else None


def real(source: Source, labelled: bool, n: int) -> tuple[Tensor, Tensor | None]:
    """The next ``n`` samples and, where they are wanted, their labels."""
    return cast(LabelledSource, source).labelled(n) if labelled else (source.batch(n), None)


class StoredSource(Source, Protocol):
    """A source whose samples lie all in memory, each of them a sample by itself."""

    def stored(self) -> tuple[Tensor, Tensor | None]:
        """All samples as :class:`Shuffled` takes them, and their labels where they have any."""


def shared_real(
    draw: Callable[[int], tuple[Tensor, Tensor | None]], share: Share
) -> Callable[[int], tuple[Tensor, Tensor | None]]:
    """A worker's part of real samples and their labels, which all workers draw alike."""
    if share.size == 1:
        return draw

    def part(n: int) -> tuple[Tensor, Tensor | None]:
        samples, labels = draw(n)
        return share.of(samples), None if labels is None else share.of(labels)

    return part


def shared_noise(draw: Callable[[int], Tensor], share: Share) -> Callable[[int], Tensor]:
    """A worker's part of latent points."""
    return draw if share.size == 1 else lambda n: share.of(draw(n))


class Density(Protocol):
    """A distribution that can be drawn from without end."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` independent samples, float32[n, 2] on the generator's device."""


class PartedDensity(Density, Protocol):
    """A density of modes."""

    def kinds(self) -> int:
        """How many."""

    def of_kinds(self, kinds: range) -> Density:
        """The density of these alone."""


class Endless:
    """A density drawn from ``generator``; it stands nowhere but in the generator."""

    def __init__(self, density: Density, generator: torch.Generator) -> None:
        self._density = density
        self._generator = generator

    def batch(self, n: int) -> Tensor:
        """``n`` fresh samples."""
        return self._density.sample(n, self._generator)

    def kinds(self) -> int:
        """How many modes the density has; 0 of one without."""
        return cast(PartedDensity, self._density).kinds() if hasattr(self._density, "kinds") else 0

    def of_kinds(self, kinds: range) -> Endless:
        """Samples of these modes alone, from the same generator."""
        twin = copy.copy(self)
        twin._density = cast(PartedDensity, self._density).of_kinds(kinds)
        return twin

    def ahead(self, most: int, n: int) -> Ahead:
        """Itself: it draws on the device."""
        return Ahead(self, lambda batches: None)

    def state_dict(self) -> dict[str, Any]:
        """Empty."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore."""


class LaidOut:
    """Places that the host takes from others beforehand, ``n`` at a time, and that the device goes through in order."""

    def __init__(self, places: Places, most: int, n: int, device: torch.device) -> None:
        self._places, self._n = places, n
        self._rows = Rows(most, device)

    def lay_out(self, batches: int) -> None:
        """Take so many batches, at most ``most``."""
        self._rows.lay_out(torch.stack([self._places.take(self._n) for _ in range(batches)]))

    def take(self, n: int) -> Tensor:
        """The next row, int64[n] or int64[n, parts], on the device."""
        return self._rows.take()

    def state_dict(self) -> dict[str, Any]:
        """Empty: it stands where the host's places do."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing to restore."""


class Indexed:
    """Samples of a set that is held in memory, as ``places`` says; the set moves to the device where it fits there.

    Args:
        samples: on the host: bytes uint8[n, …], given out as floats in [−1, 1], or floats, given out as they are.
        device: where batches are wanted.
        places: which samples come next.
    """

    def __init__(self, samples: Tensor, device: torch.device, places: Places) -> None:
        self._device = device
        self._samples = samples.to(device) if fits(samples, device) else samples
        self._places = places

    def batch(self, n: int) -> Tensor:
        """The next ``n`` samples, float32."""
        return self._unit(self._places.take(n))

    def _unit(self, index: Tensor) -> Tensor:
        found = self._taken(self._samples, index)
        return to_unit(found) if found.dtype == torch.uint8 else found.float()

    def _taken(self, values: Tensor, index: Tensor) -> Tensor:
        if values.device.type != self._device.type:
            return sent(values[index], self._device)
        return values[sent(index, self._device)]

    def ahead(self, most: int, n: int) -> Ahead | None:
        """The same samples at places that were laid out; None where the set did not fit the device."""
        if self._samples.device.type != self._device.type:
            return None
        places, twin = LaidOut(self._places, most, n, self._device), copy.copy(self)
        twin._places = places
        return Ahead(twin, places.lay_out)

    def state_dict(self) -> dict[str, Any]:
        """The state of the places."""
        return self._places.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the places."""
        self._places.load_state_dict(state)


class Shuffled(Indexed):
    """Samples [n, …] taken in a random order, every one once before any is taken again.

    Args:
        labels: of the samples, on the host, as one-hot rows float32[n, classes]; None where they have none.
    """

    def __init__(
        self, samples: Tensor, device: torch.device, generator: torch.Generator, labels: Tensor | None = None
    ) -> None:
        super().__init__(samples, device, Epochs(len(samples), generator))
        self._labels = None if labels is None else labels.to(device)
        self._generator = generator

    def stored(self) -> tuple[Tensor, Tensor | None]:
        """Samples and labels as they were given, where they lie."""
        return self._samples, self._labels

    def kinds(self) -> int:
        """How many classes there are; 0 without labels."""
        return 0 if self._labels is None else self._labels.shape[1]

    def of_kinds(self, kinds: range) -> Shuffled:
        """Samples of these classes alone, in an order from the same generator.

        Raises:
            UserError: there are none.
            ValueError: they have no labels.
        """
        if self._labels is None:
            raise ValueError("samples without labels")
        places = self._labels[:, kinds.start : kinds.stop].any(dim=1).nonzero()[:, 0]
        if not len(places):
            raise UserError(f"tasks: classes {kinds.start} to {kinds.stop - 1} have no samples")
        twin = copy.copy(self)
        twin._samples, twin._labels = self._samples[places.to(self._samples.device)], self._labels[places]
        twin._places = Epochs(len(places), self._generator)
        return twin

    def labelled(self, n: int) -> tuple[Tensor, Tensor]:
        """The next ``n`` samples, as :meth:`batch` gives them, and their labels, float32[n, classes].

        Raises:
            ValueError: they have no labels.
        """
        if self._labels is None:
            raise ValueError("samples without labels")
        index = self._places.take(n)
        return self._unit(index), self._taken(self._labels, index)


class Recognised(Shuffled):
    """Somebody's own samples: a run that goes on has to find those again that it was trained on.

    Their sum (SHA-256) is part of the state.
    """

    def __init__(self, samples: Tensor, device: torch.device, generator: torch.Generator) -> None:
        super().__init__(samples, device, generator)
        self._sum = hashlib.sha256(samples.contiguous().numpy().data).hexdigest()

    def state_dict(self) -> dict[str, Any]:
        """The state of the places, and what is at them."""
        return {**super().state_dict(), "sum": self._sum}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the places.

        Raises:
            UserError: the samples are others.
        """
        if state.get("sum", self._sum) != self._sum:
            raise UserError("data: the samples are not those that the run was trained on; the same files are accepted")
        super().load_state_dict(state)


def fits(samples: Tensor, device: torch.device) -> bool:
    """Whether ``samples`` may live on ``device``: always in host memory, on a GPU up to a share of what is free."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return samples.nbytes <= RESIDENT_FRACTION * free


def to_unit(images: Tensor) -> Tensor:
    """Bytes 0 … 255 as float32 in [−1, 1], the range of a generator's tanh."""
    return images.float().div_(127.5).sub_(1.0)


def to_bytes(images: Tensor) -> Tensor:
    """Floats in [−1, 1] as bytes 0 … 255, rounded to nearest; values outside are clipped."""
    return images.add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
