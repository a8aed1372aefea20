"""Settings of techniques that do their work at a moment: a crest, a trough or a phase of a voice, or of the clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from lab.errors import UserError
from lab.phase import Follower, Schedule
from lab.phase.errors import PhaseError
from lab.phase.voice import Voice
from lab.techniques.technique import CLOCK, Host, Moment, Technique, TechniquePart
from lab.training.share import Share

At = Literal["crest", "trough"] | Annotated[float, Field(ge=0, lt=1)]


class MomentPart(TechniquePart):
    """A technique that waits for one kind of moment."""

    at: At = Field("trough", description="crest, trough, or a phase in [0, 1) of the voice's own wave")
    of: str = Field("lr", description="a voice that has a wave; or `clock`, whose trough is its cycle's last step")

    def check(self, voices: Mapping[str, Voice | Follower]) -> None:
        """The voice is there and has such a moment."""
        if self.of == CLOCK:
            return
        if self.of not in voices:
            raise ValueError(f"of: no voice is called {self.of!r}; accepted: {', '.join(voices)}, {CLOCK}")
        voice = voices[self.of]
        if isinstance(voice, Follower):
            raise ValueError(f"of: {self.of!r} follows {voice.source} and has no moments; a voice with a wave has")
        try:
            voice.due(self.at, 0)
        except PhaseError as error:
            raise ValueError(f"of: {self.of!r} has no such moment ({error})") from None

    def check_shared(self, share: Share) -> None:
        """Workers come to a moment together, or not at all."""
        super().check_shared(share)
        if share.ahead and self.of != CLOCK:
            raise ValueError(
                f".of: {self.of!r} is not accepted where workers.offsets differ, as it may come at another step on "
                f"each worker; {CLOCK} is"
            )

    def wave(self, host: Host) -> Voice | Follower:
        """Whose moments are waited for."""
        return Schedule(host.clock, wave="sawtooth") if self.of == CLOCK else host.voices[self.of]

    def moment(self, host: Host, do: Callable[[int], object], first: int = 0) -> Moment:
        """When ``do`` is to be called: before the step at which the moment falls is taken.

        Args:
            host: of the run.
            do: called with the step.
            first: the first step at which it does anything.

        Raises:
            UserError: the run is over before.
        """
        voice = self.wave(host)
        if isinstance(voice, Voice) and next(voice.due(self.at, first, host.steps), None) is None:
            which = self.at if isinstance(self.at, str) else f"phase {self.at:g}"
            since = " after the first" if first else ""
            raise UserError(f"at: the {which} of {self.of!r} does not come within the run's {host.steps} steps{since}")
        return Moment(self.at, self.of, do)


class AfterMoment(Technique):
    """Does its work right after the step at which the moment falls; a moment itself comes before its step.

    Where a wave falls to its trough as the cycle ends, that is between the last step of the cycle and the restart: one
    step later the restart's largest step would have been taken already.
    """

    def __init__(self, part: MomentPart, host: Host) -> None:
        self._moment = part.moment(host, self._mark)
        self._due = False

    def reached(self, step: int) -> None:
        """The step that was due has been taken."""
        raise NotImplementedError

    def _mark(self, step: int) -> None:
        self._due = True

    def moments(self) -> Sequence[Moment]:
        """The one of the settings."""
        return (self._moment,)

    def stepped(self, step: int, values: Mapping[str, float]) -> None:
        """Do it if this was the step."""
        if self._due:
            self._due = False
            self.reached(step)
