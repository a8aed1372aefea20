"""What a technique is to a trainer: hooks around a training step, voices that conduct it, events that it waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from lab.phase import Clock, Follower
from lab.phase.conductor import Target
from lab.phase.voice import Voice
from lab.training.parts import Part, short_name
from lab.training.share import Share

CLOCK = "clock"
"""Whose crests are the beginnings of the master clock's cycles, and whose phase is the clock's."""

CLOSED = -1e4
"""The logit of a class that a sample cannot be of: no probability is left of it, and its logarithm stays finite."""

Predictor = Callable[[Tensor], Tensor]
"""From inputs float32[n, …] to log-probabilities float32[n, classes]; no gradient, evaluation mode."""
Ask = Callable[[Predictor], Tensor]
"""What a predictor says of the samples that are scored: log-probabilities float32[n, classes] on the host."""


@dataclass(frozen=True)
class Batch:
    """What a step learns from, on the training device.

    Attributes:
        inputs: float32[n, …].
        labels: int64[n].
        tasks: the task of each, int64[n]; None where there is only one.
        stored: the samples as the data set holds them (bytes), from which :attr:`Host.prepare` makes inputs; None where
            nobody has kept them.
        weight: what the loss of each sample is multiplied by in the end, after all techniques.
    """

    inputs: Tensor
    labels: Tensor
    tasks: Tensor | None = None
    stored: Tensor | None = None
    weight: float = 1.0

    def __len__(self) -> int:
        """How many samples it holds."""
        return len(self.labels)

    def part(self, where: slice) -> Batch:
        """Only some of its samples."""
        tasks, stored = (None if each is None else each[where] for each in (self.tasks, self.stored))
        return replace(self, inputs=self.inputs[where], labels=self.labels[where], tasks=tasks, stored=stored)

    def joined(self, other: Batch) -> Batch:
        """Both, this one first; of tasks and stored samples only what both have."""
        return Batch(
            torch.cat((self.inputs, other.inputs)),
            torch.cat((self.labels, other.labels)),
            _both(self.tasks, other.tasks),
            _both(self.stored, other.stored),
        )


def _both(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    return None if one is None or other is None else torch.cat((one, other))


def unchanged(samples: Tensor) -> Tensor:
    """Samples that are inputs as they stand."""
    return samples


@dataclass(frozen=True)
class Host:
    """What a trainer lends to its techniques when they are built.

    Attributes:
        network: is trained.
        optimizer: trains it; a technique may change gradients and moments, and never takes a step.
        device: where both are.
        clock, voices: of the run.
        steps: how long the run is.
        batch_size: new samples of a step; of several workers, of this one's.
        classes: how many labels there are; 0 where the trainer knows of none.
        counts: training samples of each class, int64[classes].
        random: a generator of its own for a use of chance, on the host; the technique keeps its state.
        batches: ``batches(n)`` is n batches of training inputs as the network takes them, the same ones each time.
        event: appends a line to the run's events: ``event(kind, step, **data)``.
        initialised: a network of the same architecture on the host, its weights drawn from a generator; None where the
            trainer draws none.
        copies: what follows the network's parameters, such as an average: tensors in their order. A technique that
            makes one adds it; one that holds weights to something holds these to it too.
        prepare: inputs as the network takes them, from samples as the data set holds them (:attr:`Batch.stored`).
        answers: makes what the trained network says now, as it is scored; None where that is the network as it stands.
        shrink: ``shrink(group, weights, share)`` takes a share away of weights of one of the optimiser's groups, as its
            method would have it; None where that is θ ← (1 − share)·θ.
        closes: whether some classes may be closed to a sample, their logit :data:`CLOSED`.
        begun: whether the weights are those that another run has learned.
        redrawn: what is to be done whenever a technique has drawn the weights anew. One that holds weights to something
            adds it; one that draws them does it all.
    """

    network: nn.Module
    optimizer: Optimizer
    device: torch.device
    clock: Clock
    voices: Mapping[str, Voice | Follower]
    steps: int
    batch_size: int
    classes: int
    counts: Tensor
    random: Callable[[str], torch.Generator]
    batches: Callable[[int], Sequence[Tensor]]
    event: Callable[..., None]
    initialised: Callable[[torch.Generator], nn.Module] | None = None
    copies: list[Sequence[Tensor]] = field(default_factory=list)
    prepare: Callable[[Tensor], Tensor] = unchanged
    answers: Callable[[], Predictor] | None = None
    shrink: Callable[[Mapping[str, Any], Sequence[Tensor], float], None] | None = None
    closes: bool = False
    begun: bool = False
    redrawn: list[Callable[[], object]] = field(default_factory=list)


@dataclass(frozen=True)
class Moment:
    """When something is due: at a crest, a trough or a phase in [0, 1) of a voice, or of the clock itself."""

    at: Literal["crest", "trough"] | float
    of: str
    do: Callable[[int], object]


class Technique:
    """Something that rides on the clock; each hook may be left as it is, and then costs nothing.

    A step is: the voices are set and the moments that are due are done; ``batch``; the network's pass; ``logits``,
    ``loss``; the backward pass; ``gradients``; the optimiser's step; ``stepped``.
    """

    def targets(self) -> Mapping[str, Target]:
        """Where the voices of this technique go, by the names of :attr:`TechniquePart.voices`."""
        return {}

    def moments(self) -> Sequence[Moment]:
        """What is to be done when."""
        return ()

    def levels(self) -> Mapping[str, float]:
        """What it measures, in [0, 1], by the names of :attr:`TechniquePart.measured`: voices may follow it."""
        return {}

    def batch(self, batch: Batch, step: int) -> Batch:
        """What the step learns from in the place of ``batch``."""
        return batch

    def logits(self, logits: Tensor) -> Tensor:
        """Logits float32[n, classes] as the loss takes them."""
        return logits

    def loss(self, losses: Tensor, log_probs: Tensor, labels: Tensor) -> Tensor:
        """The loss of each sample, float32[n]; the step descends along their mean.

        The order in which techniques are listed counts: smoothing and then class weights weighs smoothed losses, class
        weights and then smoothing adds an unweighted share.

        Args:
            losses: as cross-entropy and the techniques before left them.
            log_probs: log-probabilities float32[n, classes].
            labels: int64[n].
        """
        return losses

    def gradients(self, step: int) -> None:
        """Look at the parameters' ``.grad``, or change it, before the optimiser's step."""

    def stepped(self, step: int, values: Mapping[str, float]) -> None:
        """After the optimiser's step.

        Args:
            step: that was taken, from 0.
            values: of every voice in it.
        """

    def predictors(self) -> Mapping[str, Predictor]:
        """What is scored beside the network, by a word for the log's columns: ``evaluation/<word>/accuracy``."""
        return {}

    def scores(self, ask: Ask, labels: Tensor) -> Mapping[str, float]:
        """Further scores, by a word for the log's columns: ``evaluation/<technique>/disagreement``.

        Args:
            ask: what any predictor says of the samples that are scored.
            labels: of those samples, int64[n] on the host.
        """
        return {}

    def followers(self) -> Sequence[Tensor]:
        """What follows the network's weights and statistics: averaged with them where several workers are."""
        return ()

    def row(self) -> Mapping[str, float]:
        """Columns for the metrics log, of this moment."""
        return {}

    def state_dict(self) -> Mapping[str, Any]:
        """All that resuming needs beside network and optimiser: dicts, lists, tensors, numbers, words."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned; called on one that was built anew."""


@dataclass(frozen=True)
class VoiceSpec:
    """A voice that a technique takes.

    Attributes:
        what: in words.
        least, most: its range.
        default: where the configuration gives none; None where it must.
    """

    what: str
    least: float
    most: float
    default: float | None = None


class TechniquePart(Part):
    """A technique in a configuration. A subclass adds its settings as fields and says which voices it takes."""

    voices: ClassVar[Mapping[str, VoiceSpec]] = {}
    """By name, ``<technique>.<quantity>``."""
    measured: ClassVar[Sequence[str]] = ()
    """Levels that it measures, which a voice may follow."""
    alone: ClassVar[bool] = False
    """Whether it can only ride on a network that no other worker trains too."""
    offers: ClassVar[Sequence[str]] = ()
    """The words of :meth:`Technique.predictors`."""

    name: str

    @property
    def word(self) -> str:
        """What its columns in the log are called: ``sparsity``, or the class of another package."""
        return short_name(self.name)

    def check(self, voices: Mapping[str, Voice | Follower]) -> None:
        """Refuse settings that do not fit the voices of the run; these have passed :attr:`voices`.

        Raises:
            ValueError: in one line, which the configuration's field is put before.
        """

    def check_shared(self, share: Share) -> None:
        """Refuse to ride on one of several workers where it cannot.

        Raises:
            ValueError: in words that follow the technique's name: ``: why``, or ``.setting: why``.
        """
        if self.alone and share.size > 1:
            raise ValueError(f": it is not accepted with {share.size} workers, only with one")

    def refuse_unread(self, because: str, *names: str) -> None:
        """Refuse settings that nothing reads: those that are not as they are where nothing is said.

        Raises:
            ValueError: of the first, in one line.
        """
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{name}: {getattr(self, name)} is not read {because}; leave it out")

    def build(self, host: Host) -> Technique:
        """The technique of one run at step 0.

        Raises:
            UserError: it does not fit the network or the data.
        """
        raise NotImplementedError


def log_probabilities(network: nn.Module) -> Predictor:
    """What a network that gives logits says; it is left in the mode in which it was found."""

    @torch.no_grad()
    def predict(inputs: Tensor) -> Tensor:
        training = network.training
        network.eval()
        try:
            return functional.log_softmax(network(inputs), dim=1)
        finally:
            network.train(training)

    return predict
