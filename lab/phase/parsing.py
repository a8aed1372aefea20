"""From the plain data of a file to its clock and voices, and what is wrong with it, by dotted field.

A voice is one of
    3e-4                                                                 a constant
    {wave: cosine, low: 0, high: 1e-3, offset: 0.25, clock: {…}, mean: 5e-4}
    {wave: sawtooth, low: 0, high: 1e-3, clock: {period: 9000, cycles: 1}}   a linear decay to zero over 9,000 steps
    {wave: sawtooth, scale: geometric, low: 3e-5, high: 3e-3}                an exponential one, cycle by cycle
    {follow: lr.generator, relation: anti_phase, low: 0, high: 1e-3}     of another voice, low and high its own
    {follow: lr.generator, relation: constant_product, product: 1e-7, low: 1e-5, high: 1e-2}
    {follow: lr, relation: constant_product, power: 2, product: 1e-4, low: 8, high: 256}       ∝ 1 / lr²
    {follow: difficulty, relation: anti_phase, low: 1e-4, high: 1e-3}    of something measured in the run
where ``mean`` (or ``rms``) scales the shape so that its mean over a whole cycle is that number. What any clock tells
may end in a ``cooldown: {start: 8000, steps: 2000}``: from that mean in a straight line to 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from lab.phase.clock import Clock
from lab.phase.cooled import Cooled
from lab.phase.errors import PhaseError, keys, number, refuse, unknown, whole, within
from lab.phase.follower import Follower
from lab.phase.schedule import ConstantProduct, Scale, Schedule
from lab.phase.voice import Constant, Voice

Leader: TypeAlias = Callable[[str], Voice]
MEASURED = ("difficulty", "frontier")
"""What is measured of a curriculum: the mean difficulty it asks for, and how far it has come."""
RELATIONS = ("in_phase", "anti_phase", "quadrature", "shifted", "constant_product")
WAVE_KEYS = ("wave", "low", "high", "offset", "inverted", "scale", "clock", "mean", "rms", "cooldown")
FOLLOW_KEYS = ("follow", "relation", "low", "high", "offset", "scale", "product", "power", "mean", "rms", "cooldown")


def parse_voices(
    clock: Clock, mapping: Mapping[str, Any], measured: Sequence[str] = MEASURED
) -> dict[str, Voice | Follower]:
    """The voices of a file by name, in the file's order; they may follow each other in any order, but not in a ring.

    Args:
        clock: the master clock, which voices without one of their own share.
        mapping: name -> voice, plain data.
        measured: what voices may follow besides each other; gives a ``Follower``.

    Raises:
        PhaseError: naming the dotted field (``voices.lr.generator.wave``), the value and what is accepted.

    >>> voices = parse_voices(Clock(1000), {"lr": {"wave": "cosine", "low": 0, "high": 2, "mean": 5e-4}, "clip": 0.2})
    >>> voices["lr"](0), voices["clip"](0)
    (0.001, 0.2)
    """
    if not isinstance(mapping, Mapping):
        raise refuse("voices", mapping, "a mapping of names to voices")
    parsed: dict[str, Voice | Follower] = {}
    waiting: list[str] = []

    def voice_of(name: str) -> Voice | Follower:
        if name in waiting:
            raise PhaseError(f"voices.{name}: follows itself by way of {' -> '.join([*waiting, name])}")
        if name not in parsed:
            waiting.append(name)
            parsed[name] = parse_voice(clock, mapping[name], f"voices.{name}", leader, measured)
            waiting.remove(name)
        return parsed[name]

    def leader(name: str) -> Voice:
        field = f"voices.{waiting[-1]}.follow"
        if name not in mapping:
            raise unknown(field, name, [*(other for other in mapping if other != waiting[-1]), *measured])
        found = voice_of(name)
        if isinstance(found, Follower):
            raise refuse(field, name, f"a schedule, or what it follows itself: {found.source}")
        return found

    return {str(name): voice_of(name) for name in mapping}


def followed(mapping: Mapping[str, Any]) -> tuple[str, ...]:
    """What voices of a file follow by a name that none of them has: levels that its trainer measures, or a mistake."""
    names = (voice.get("follow") for voice in mapping.values() if isinstance(voice, Mapping))
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name not in mapping))


def parse_voice(clock: Clock, data: Any, field: str, leader: Leader, measured: Sequence[str] = ()) -> Voice | Follower:
    """One voice; ``leader`` gives the voice that a name stands for, ``field`` is where it stands in the file."""
    if not isinstance(data, Mapping):
        if isinstance(data, bool) or not isinstance(data, int | float):
            raise refuse(field, data, "a number, {wave: …, low: …, high: …} or {follow: …, relation: …}")
        return Constant(number(field, data))
    if "follow" in data:
        return _following(data, field, leader, measured, clock)
    if "wave" not in data:
        unfit = [key for key in data if key not in WAVE_KEYS and key not in FOLLOW_KEYS]
        if unfit:
            raise unknown(within(field, str(unfit[0])), unfit[0], dict.fromkeys((*WAVE_KEYS, *FOLLOW_KEYS)))
        raise PhaseError(f"{field}: neither wave nor follow is given; expected one of them")
    keys(field, data, WAVE_KEYS)
    shape = {key: value for key, value in data.items() if key not in ("mean", "rms", "cooldown")}
    return _cooled(_matched(Schedule.from_config(shape, clock, field), data, field), data, field)


def _following(
    data: Mapping[str, Any], field: str, leader: Leader, measured: Sequence[str], clock: Clock
) -> Voice | Follower:
    keys(field, data, FOLLOW_KEYS)
    relation = data.get("relation", "in_phase")
    if not isinstance(data["follow"], str | Mapping):
        raise refuse(within(field, "follow"), data["follow"], "the name of a voice, or a voice")
    if data["follow"] in measured:
        return _follower(data, field, relation)
    if relation not in RELATIONS:
        raise unknown(within(field, "relation"), relation, RELATIONS)
    if isinstance(data["follow"], Mapping):
        found: Any = parse_voice(clock, data["follow"], within(field, "follow"), leader)
    else:
        found = leader(data["follow"])
    if isinstance(found, Cooled):
        raise refuse(within(field, "follow"), data["follow"], "a voice without a cooldown, which cannot be followed")
    if not isinstance(found, Schedule):
        raise refuse(within(field, "follow"), data["follow"], "a voice that has a wave, or follows one")
    needs, takes = {
        "shifted": (("offset",), ("offset", "scale")),
        "constant_product": (("product",), ("product", "power")),
    }.get(relation, ((), ("offset", "scale")))
    for name in ("offset", "scale", "product", "power"):
        if name in needs and name not in data:
            raise PhaseError(f"{within(field, name)}: missing; {relation} needs it")
        if name in data and name not in takes:
            raise PhaseError(f"{within(field, name)}: {data[name]!r} has no meaning with relation {relation}")
    numbers = {
        key: number(within(field, key), data[key])
        for key in ("low", "high", "offset", "product", "power")
        if key in data
    }
    low, high = numbers.get("low", found.low), numbers.get("high", found.high)
    try:
        related = _related(found, relation, low, high, data.get("scale", found.scale), numbers)
        return _cooled(_matched(related, data, field), data, field)
    except PhaseError as error:
        message = str(error)
        raise PhaseError(message if message.startswith(field) else within(field, message)) from None


def _related(
    leader: Schedule, relation: str, low: float, high: float, scale: Scale, numbers: Mapping[str, float]
) -> Schedule | ConstantProduct:
    if relation == "constant_product":
        return leader.constant_product(numbers["product"], low, high, numbers.get("power", 1.0))
    ranged = replace(leader, low=low, high=high, scale=scale)
    ranged = ranged.anti_phase() if relation == "anti_phase" else ranged
    return ranged.shifted(numbers.get("offset", 0.0) + (0.25 if relation == "quadrature" else 0.0))


def _follower(data: Mapping[str, Any], field: str, relation: object) -> Follower:
    if relation not in ("in_phase", "anti_phase"):
        raise unknown(within(field, "relation"), relation, ("in_phase", "anti_phase"))
    keys(field, data, ("follow", "relation", "low", "high"))
    for name in ("low", "high"):
        if name not in data:
            raise PhaseError(f"{within(field, name)}: missing; expected a number, as {data['follow']} has no range")
    try:
        return Follower(data["follow"], data["low"], data["high"], anti=relation == "anti_phase")
    except PhaseError as error:
        raise PhaseError(within(field, str(error))) from None


def _matched(voice: Schedule | ConstantProduct, data: Mapping[str, Any], field: str) -> Schedule | ConstantProduct:
    moments = [name for name in ("mean", "rms") if name in data]
    if not moments:
        return voice
    if len(moments) == 2:
        raise PhaseError(f"{within(field, 'rms')}: {data['rms']!r} is given beside mean; expected one of them")
    (moment,) = moments
    wanted = Constant(number(within(field, moment), data[moment]))
    try:
        return voice.matched_to(wanted, "mean" if moment == "mean" else "rms")
    except PhaseError as error:
        raise PhaseError(within(field, str(error))) from None


def _cooled(voice: Schedule | ConstantProduct, data: Mapping[str, Any], field: str) -> Voice:
    if "cooldown" not in data:
        return voice
    inside, settings = within(field, "cooldown"), data["cooldown"]
    if not isinstance(settings, Mapping):
        raise refuse(inside, settings, "{start: …, steps: …}")
    keys(inside, settings, ("start", "steps"))
    for name in ("start", "steps"):
        if name not in settings:
            raise PhaseError(f"{within(inside, name)}: missing; expected the steps of its beginning and its length")
    return Cooled(
        voice,
        whole(within(inside, "start"), settings["start"], 0),
        whole(within(inside, "steps"), settings["steps"], 1),
    )


@dataclass(frozen=True)
class ScheduleFile:
    """What a schedule file says: any mapping with ``clock`` and ``voices``, such as a run's configuration or a preset.

    Attributes:
        steps: how long it plays; without ``steps`` in the file all of a bounded clock, or four of its cycles.
        clock: the master clock.
        voices: by name, in the file's order.
    """

    steps: int
    clock: Clock
    voices: Mapping[str, Voice | Follower]


def parse_schedule(mapping: Mapping[str, Any], measured: Sequence[str] = MEASURED) -> ScheduleFile:
    """The schedule of a file's data; keys other than ``steps``, ``clock`` and ``voices`` are not looked at.

    Raises:
        PhaseError: naming the dotted field, the value and what is accepted.
    """
    for name in ("clock", "voices"):
        if name not in mapping:
            raise PhaseError(f"{name}: missing; a schedule file has clock and voices, and may have steps")
    clock = Clock.from_config(mapping["clock"])
    voices = parse_voices(clock, mapping["voices"], measured)
    steps = mapping.get("steps")
    if steps is None:
        steps = sum(clock.periods(4)) if clock.length is None else clock.length
    return ScheduleFile(whole("steps", steps, 1), clock, voices)
