"""Changes to a configuration before it is typed: ``--set a.b=value``."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from lab.door.yamls import parse
from lab.errors import UserError


def override(
    model: type[BaseModel], mapping: Mapping[str, Any], sets: Sequence[str] | Mapping[str, Any]
) -> dict[str, Any]:
    """A copy of ``mapping`` with the changes of ``sets`` made; see :func:`lab.training.config.resolve`."""
    changed = copy.deepcopy(dict(mapping))
    for key, value in _pairs(sets):
        _fill_default(model, changed, key)
        names = {*getattr(model, "voice_names", dict)(), *getattr(model, "brought_names", tuple)()}
        _assign(changed, key, value, names)
    return changed


def _pairs(sets: Sequence[str] | Mapping[str, Any]) -> list[tuple[str, Any]]:
    if isinstance(sets, Mapping):
        return [(key, copy.deepcopy(value)) for key, value in sets.items()]
    pairs = []
    for text in sets:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals or not key or not all(key.split(".")):
            raise UserError(
                f"--set {text!r}: expected KEY=VALUE, e.g. --set steps=2000 or --set voices.NAME.offset=0.5"
            )
        try:
            pairs.append((key, parse(value)))
        except UserError as error:
            raise UserError(f"--set {text!r}: the value is {error}") from None
    return pairs


def _fill_default(model: type[BaseModel], mapping: dict[str, Any], key: str) -> None:
    """Write out a nested default that the file does not mention, so that changing one field keeps the others."""
    first = key.partition(".")[0]
    field = model.model_fields.get(first)
    if field is not None and first != key and first not in mapping:
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            mapping[first] = default.model_dump(mode="json")


def _assign(mapping: dict[str, Any], key: str, value: Any, voices: Collection[str]) -> None:
    here: Any = mapping
    walked = ""
    rest = key
    while True:
        if walked == "voices":
            name = _voice(rest, {*here, *voices})
        else:
            name = _longest(rest, here, otherwise=rest.partition(".")[0])
        if name == rest:
            here[name] = value
            return
        rest = rest[len(name) + 1 :]
        here = here.setdefault(name, {})
        walked = f"{walked}.{name}" if walked else name
        if not isinstance(here, dict):
            raise UserError(f"--set {key}: {walked} is {here!r}, which has no {rest!r} in it; set {walked} as a whole")


def _voice(dotted: str, names: Collection[str]) -> str:
    """The voice that a key begins with.

    Names of voices have dots: what is no known one is a new one, as a whole, and so is ``lr.body`` beside ``lr``, since
    ``body`` is no key of a voice.
    """
    from lab.phase.parsing import FOLLOW_KEYS, WAVE_KEYS

    name = _longest(dotted, names, otherwise=dotted)
    key = dotted[len(name) + 1 :].partition(".")[0]
    return name if not key or key in WAVE_KEYS or key in FOLLOW_KEYS else dotted


def _longest(dotted: str, names: Collection[str], otherwise: str) -> str:
    """The longest beginning of ``dotted`` (cut at dots) that is one of ``names``."""
    parts = dotted.split(".")
    beginnings = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((beginning for beginning in beginnings if beginning in names), otherwise)
