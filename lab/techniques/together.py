"""All techniques of a run as one: each hook calls those that have it, in the configuration's order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from lab.errors import UserError
from lab.phase import Conductor, Constant, Follower, Schedule, Target
from lab.phase.errors import PhaseError
from lab.phase.voice import Voice
from lab.techniques.technique import CLOCK, Ask, Batch, Host, Predictor, Technique, TechniquePart, VoiceSpec
from lab.training.share import Share

Binding = tuple[Voice | Follower, Target | None]


class Techniques:
    """What several techniques do, for a trainer to call; obeys the protocol of each of them.

    Args:
        parts: of the configuration, no two of one name.
        host: what all are built with.

    Raises:
        UserError: one does not fit the network or the data, or a moment it waits for never comes.
    """

    def __init__(self, parts: Sequence[TechniquePart], host: Host) -> None:
        self._host = host
        self._voices = {part.word: part.voices for part in parts}
        self.each: dict[str, Technique] = {}
        for part in parts:
            try:
                self.each[part.word] = part.build(host)
            except UserError as error:
                raise UserError(f"techniques.{part.word}: {error}") from None
        self._batch = self._having("batch")
        self._logits = self._having("logits")
        self._loss = self._having("loss")
        self._gradients = self._having("gradients")
        self._stepped = self._having("stepped")

    def _having(self, hook: str) -> list[Callable[..., Any]]:
        """The hook of those that override it."""
        return [getattr(each, hook) for each in self.each.values() if getattr(type(each), hook) is not _plain(hook)]

    def conductor(self, bindings: Mapping[str, Binding]) -> Conductor:
        """One that conducts the trainer's own voices and those of the techniques, and does what is due when.

        Args:
            bindings: of the trainer's own voices.

        Raises:
            UserError: a technique waits for a moment that its voice has not, or aims at a voice that is not its own.
        """
        targets = {name: target for each in self.each.values() for name, target in each.targets().items()}
        for word, each in self.each.items():
            for name in each.targets():
                if name not in self._voices[word] or name in bindings:
                    own = ", ".join(self._voices[word]) or "none"
                    raise UserError(f"techniques.{word}: its target {name!r} is no voice of its own; those are {own}")
        bound = {name: (voice, targets.get(name)) for name, voice in self._host.voices.items()}
        clock = Schedule(self._host.clock, wave="sawtooth")
        conductor = Conductor({**bound, **bindings, CLOCK: (clock, None)})
        for name, each in self.each.items():
            for moment in each.moments():
                try:
                    conductor.on(moment.at, of=moment.of, do=moment.do)
                except PhaseError as error:
                    raise UserError(f"techniques.{name}: {error}") from None
        return conductor

    def levels(self) -> dict[str, float]:
        """What any of them measures."""
        return {name: level for each in self.each.values() for name, level in each.levels().items()}

    def batch(self, batch: Batch, step: int) -> Batch:
        """As :meth:`Technique.batch`, of one after the other."""
        for hook in self._batch:
            batch = hook(batch, step)
        return batch

    def logits(self, logits: Tensor) -> Tensor:
        """As :meth:`Technique.logits`, of one after the other."""
        for hook in self._logits:
            logits = hook(logits)
        return logits

    def loss(self, losses: Tensor, log_probs: Tensor, labels: Tensor) -> Tensor:
        """As :meth:`Technique.loss`, of one after the other."""
        for hook in self._loss:
            losses = hook(losses, log_probs, labels)
        return losses

    def gradients(self, step: int) -> None:
        """As :meth:`Technique.gradients`."""
        for hook in self._gradients:
            hook(step)

    def stepped(self, step: int, values: Mapping[str, float]) -> None:
        """As :meth:`Technique.stepped`."""
        for hook in self._stepped:
            hook(step, values)

    def predictors(self) -> dict[str, Predictor]:
        """What all of them offer to be scored."""
        return {name: found for each in self.each.values() for name, found in each.predictors().items()}

    def scores(self, ask: Ask, labels: Tensor) -> dict[str, float]:
        """Further scores of all of them, each under its technique's name."""
        found = {name: each.scores(ask, labels) for name, each in self.each.items()}
        return {f"{name}/{key}": value for name, own in found.items() for key, value in own.items()}

    def followers(self) -> list[Tensor]:
        """What follows the network in any of them."""
        return [tensor for each in self.each.values() for tensor in each.followers()]

    def row(self) -> dict[str, float]:
        """Columns of all of them, each under its technique's name."""
        return {f"{name}/{key}": value for name, each in self.each.items() for key, value in each.row().items()}

    def state_dict(self) -> dict[str, Any]:
        """The states of those that have one, by name."""
        states = {name: dict(each.state_dict()) for name, each in self.each.items()}
        return {name: state for name, state in states.items() if state}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        for name, each in self.each.items():
            if name in state:
                each.load_state_dict(state[name])
            elif each.state_dict():
                raise ValueError(f"it lacks the state of the technique {name!r}")


def _plain(hook: str) -> object:
    return getattr(Technique, hook)


def specs(parts: Sequence[TechniquePart]) -> dict[str, VoiceSpec]:
    """The voices that these techniques take, by name."""
    return {name: spec for part in parts for name, spec in part.voices.items()}


def with_defaults(
    parts: Sequence[TechniquePart], voices: Mapping[str, Voice | Follower]
) -> dict[str, Voice | Follower]:
    """The voices of a run, and constants for those of its techniques that it leaves out."""
    absent = {name: spec.default for name, spec in specs(parts).items() if name not in voices}
    return {**voices, **{name: Constant(value) for name, value in absent.items() if value is not None}}


def check_shared(parts: Sequence[TechniquePart], share: Share) -> None:
    """Refuse techniques that cannot ride on one of several workers.

    Raises:
        UserError: the first of them.
    """
    for part in parts:
        try:
            part.check_shared(share)
        except ValueError as error:
            raise UserError(f"techniques.{part.word}{error}") from None


def check(parts: Sequence[TechniquePart], voices: Mapping[str, Voice | Follower]) -> None:
    """Refuse techniques and voices that do not fit each other.

    Raises:
        UserError: two techniques of one name, a voice that is missing or out of its range, or a technique's own reason.
    """
    names = [part.word for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"techniques: {name!r} is named twice; each is accepted once")
    for name, spec in specs(parts).items():
        if (voice := voices.get(name)) is None:
            if spec.default is None:
                raise UserError(f"voices.{name}: missing; give the {spec.what} a number or a schedule")
        elif not spec.least <= voice.low <= voice.high <= spec.most:
            found = f"{voice.low:g}" if voice.low == voice.high else f"{voice.low:g} to {voice.high:g}"
            raise UserError(f"voices.{name}: {found} is not accepted; {spec.least:g} to {spec.most:g} is")
    for part in parts:
        try:
            part.check(voices)
        except ValueError as error:
            raise UserError(f"techniques.{part.word}: {error}") from None
