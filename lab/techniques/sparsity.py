"""Sparse training: most weights are not there, and which ones are is changed at moments of the clock.

RigL (Evci et al. 2020) drops the weights of smallest magnitude and grows those of the largest gradient, SET (Mocanu et
al. 2018) grows at random. With neither moment the mask is static; with ``drop_at`` alone and a rising sparsity it is
gradual magnitude pruning (Zhu & Gupta 2017), whose voice is ``{wave: cubic, inverted: true, …}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field
from torch import Tensor

from lab.errors import UserError
from lab.phase import Follower, PhaseError, Schedule, Voice
from lab.phase.conductor import Target
from lab.techniques.densities import Distribution, counts
from lab.techniques.masks import Masks, weights_of
from lab.techniques.moments import At
from lab.techniques.technique import CLOCK, Host, Moment, Technique, TechniquePart, VoiceSpec

SPARSITY, FRACTION = "sparsity", "sparsity.drop_fraction"

Ats: TypeAlias = At | Annotated[tuple[At, ...], Field(min_length=1, max_length=64)]


class Sparsity(Technique):
    """Masks of a network that are changed when they are due, before the optimiser's step.

    At ``drop_at`` each layer keeps of the n weights that the present sparsity grants it (or of those it has, if fewer)
    n − ⌊n · drop_fraction⌋, and at ``grow_at`` it is filled up to n. Where both fall on one step, what was just dropped
    may grow again, and has then lost nothing, as in RigL. Counts are exact and known to the host. A frozen layer keeps
    its mask; it has its share of the sparsity from the first change after it has thawed.
    """

    def __init__(self, part: SparsityPart, host: Host) -> None:
        self._part, self._host = part, host
        self._moments = [*_moments(host, "drop_at", part.drop_at, part.of, self._due_to_drop)]
        self._moments += _moments(host, "grow_at", part.grow_at, part.grow_of or part.of, self._due_to_grow)
        voice, fraction = host.voices[SPARSITY], host.voices[FRACTION]
        self._sparsity = voice(0) if isinstance(voice, Voice) else voice.low
        self._fraction = fraction.low
        self._random = host.random("sparsity")
        weights = weights_of(host.network, part.dense, part.dense_first)
        self._shapes = [weight.shape for weight in weights.values()]
        self._masks = Masks(weights, self._counts(), self._random, host.begun)
        place = {id(weight): at for at, weight in enumerate(host.network.parameters())}
        self._places = [place[id(weight)] for weight in weights.values()]
        self._drop = self._grow = False
        self._dropped = self._summed = self._steps = 0
        self._hold()
        host.redrawn.append(self._draw_anew)

    def targets(self) -> Mapping[str, Target]:
        """Both are read where weights are dropped or grown."""
        return {SPARSITY: self._set_sparsity, FRACTION: self._set_fraction}

    def moments(self) -> Sequence[Moment]:
        """Where weights are dropped and grown."""
        return self._moments

    def gradients(self, step: int) -> None:
        """Drop and grow if due, while gradients are dense; then mask them."""
        if self._drop or self._grow:
            self._change(step)
        self._masks.mask_gradients()

    def stepped(self, step: int, values: Mapping[str, float]) -> None:
        """Count the weights that took part."""
        self._summed += sum(self._masks.active)
        self._steps += 1

    def row(self) -> Mapping[str, float]:
        """The share of weights that is there now, on average so far, and was at any time; how many were dropped."""
        masks, steps = self._masks, self._steps
        mean = self._summed / (steps * masks.size) if steps else masks.density
        return {
            "density": masks.density,
            "mean_density": mean,
            "explored": masks.explored,
            "dropped": float(self._dropped),
        }

    def state_dict(self) -> Mapping[str, Any]:
        """The masks, and what has been counted."""
        return {"masks": self._masks.state_dict(), "counted": [self._dropped, self._summed, self._steps]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with these."""
        self._masks.load_state_dict(state["masks"])
        self._dropped, self._summed, self._steps = map(int, state["counted"])

    def _counts(self) -> list[int]:
        """How many weights of each layer the present sparsity grants."""
        return counts(self._shapes, 1 - self._sparsity, self._part.distribution)

    def _change(self, step: int) -> None:
        masks, gone, come = self._masks, 0, 0
        moved = [weight.grad is not None for weight in masks.weights]  # the others are frozen, and stay as they are
        granted = [own if moves else now for own, moves, now in zip(self._counts(), moved, masks.active, strict=True)]
        if self._drop:
            present = map(min, granted, masks.active)
            kept = [n - int(self._fraction * n) if moves else n for n, moves in zip(present, moved, strict=True)]
            gone = masks.drop(kept)
        if self._grow:
            scores = masks.gradients() if self._part.grow == "gradient" else masks.random(self._random)
            come = masks.grow(granted, scores)
        self._drop = self._grow = False
        self._dropped += gone
        self._hold()
        self._host.event("masks", step, dropped=gone, grown=come, density=masks.density)

    def _hold(self) -> None:
        """Nothing is left of the weights that are not there, in copies of the network neither."""
        copies = [_chosen(copy, self._places) for copy in self._host.copies]
        self._masks.hold(self._host.optimizer, *copies)

    def _draw_anew(self) -> None:
        """Masks of weights that were drawn anew are new ones, of the present sparsity."""
        self._masks.drop([0] * len(self._shapes))
        self._masks.grow(self._counts(), self._masks.random(self._random))
        self._hold()

    def _due_to_drop(self, step: int) -> None:
        self._drop = True

    def _due_to_grow(self, step: int) -> None:
        self._grow = True

    def _set_sparsity(self, value: float) -> None:
        self._sparsity = value

    def _set_fraction(self, value: float) -> None:
        self._fraction = value


class SparsityPart(TechniquePart):
    """Masks over the network's matrices and kernels; biases and norms' scales are not masked.

    An average of the network loses what the network drops. With Adam a weight that grows makes a first step √10 times
    as large as the learning rate, and steps of up to 6.6 times about the twelfth, as its moments begin at 0 while
    Adam's count of steps goes on.
    """

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        SPARSITY: VoiceSpec("share of the weights that is not there", 0.0, 1.0),
        FRACTION: VoiceSpec("share of its weights that a layer drops at once", 0.0, 1.0, 0.3),
    }

    alone: ClassVar[bool] = True  # a mean of weights under different masks is under none

    name: Literal["sparsity"] = "sparsity"
    distribution: Distribution = Field("erdos_renyi_kernel", description="how density is shared out between layers")
    dense: tuple[str, ...] = Field((), max_length=1000, description="weights left dense, e.g. ['readout.*']")
    dense_first: bool = Field(False, description="leave the first weight dense, as RigL does with uniform")
    drop_at: Ats | None = Field(None, description="crest, trough, a phase or a list of them; none: nothing is dropped")
    grow_at: Ats | None = Field(None, description="as drop_at; none: nothing is grown")
    of: str = Field(CLOCK, description="the voice whose moments these are, or clock for the master clock")
    grow_of: str | None = Field(None, description="the same for grow_at alone")
    grow: Literal["gradient", "random"] = Field(
        "gradient", description="what is grown: the largest gradients (RigL), or any (SET)"
    )

    def check(self, voices: Mapping[str, Voice | Follower]) -> None:
        """Refuse what would leave nothing, or never change anything."""
        sparsity, fraction = voices[SPARSITY], voices.get(FRACTION)
        if sparsity.high >= 1:
            raise ValueError(f"voices.sparsity: {sparsity.high:g} is not accepted; 0 to below 1 is")
        if self.grow_at is None:
            self.refuse_unread("without grow_at", "grow_of", "grow")
        changes = sparsity.low < sparsity.high
        if self.drop_at is None and self.grow_at is None:
            self.refuse_unread("without drop_at and grow_at", "of")
        if self.drop_at is None and changes and self.grow_at is None:
            raise ValueError("voices.sparsity changes, and neither drop_at nor grow_at says when weights go or come")
        if self.drop_at is None and self.grow_at is not None and not changes:
            raise ValueError("grow_at: nothing can grow where nothing is dropped; give drop_at too")
        if self.drop_at is not None and self.grow_at is None and (fraction is None or fraction.high > 0):
            raise ValueError("drop_at: what is dropped beyond the sparsity never grows without grow_at; give it, or "
                             "voices.sparsity.drop_fraction: 0 for pruning")  # fmt: skip

        begins = sparsity(0) if isinstance(sparsity, Voice) else None
        still = fraction is not None and fraction.high == 0
        if self.drop_at is None and self.grow_at is not None and begins is not None and begins <= sparsity.low:
            raise ValueError("voices.sparsity never falls below where it begins, so that without drop_at nothing grows")
        if self.drop_at is not None and still and (begins == sparsity.high if self.grow_at is None else not changes):
            raise ValueError("drop_at: nothing is dropped, as the sparsity does not rise and drop_fraction is 0")

    def build(self, host: Host) -> Sparsity:
        """The masks are drawn at random from the first; of another run's weights the largest stay."""
        return Sparsity(self, host)


def _moments(host: Host, field: str, at: Ats | None, of: str, do: Callable[[int], object]) -> Iterator[Moment]:
    """What is due at each of these, all of which come in the run.

    Raises:
        UserError: one does not.
    """
    places: Sequence[At] = () if at is None else at if isinstance(at, tuple) else (at,)
    known = {CLOCK: Schedule(host.clock, wave="sawtooth"), **host.voices}
    for place in places:
        voice = known.get(of)
        if not isinstance(voice, Voice):
            which = "follows what is measured" if of in known else "is no voice of this run"
            accepted = ", ".join(name for name, each in known.items() if isinstance(each, Schedule))
            raise UserError(f"{field}: {of!r} {which}, and has no moments; accepted: {accepted}")
        try:
            first = next(voice.due(place, 0, host.steps), None)
        except PhaseError as error:
            raise UserError(f"{field}: {place!r} of {of!r} never comes ({error})") from None
        if first is None:
            raise UserError(f"{field}: {place!r} of {of!r} never comes in the {host.steps} steps of the run")
        yield Moment(place, of, do)


def _chosen(tensors: Sequence[Tensor], places: Sequence[int]) -> list[Tensor]:
    return [tensors[place] for place in places]
