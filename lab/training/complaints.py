"""Turns pydantic's validation errors into one line that names the field, the value and what is accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from lab.errors import UserError
from lab.training.parts import Parts

SHOWN = 3


def complaint(model: type[BaseModel], data: Mapping[str, Any], error: ValidationError) -> str:
    """One line for all of ``error``, which came of validating ``data`` against ``model``."""
    found = error.errors(include_url=False)
    inside = {each["loc"][:place] for each in found for place in range(len(each["loc"]))}
    # Of a list whose entries are wrong pydantic also says that none are left.
    told = [each for each in found if not (each["type"] == "too_short" and each["loc"] in inside)]
    lines = list(dict.fromkeys(_line(model, data, details) for details in told))
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "; ".join(lines[:SHOWN] + more)


def _line(model: type[BaseModel], data: Mapping[str, Any], details: ErrorDetails) -> str:
    loc = details["loc"]
    path = _dotted(data, loc)
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, UserError):
        return str(cause)
    if cause is not None:
        return f"{path}: {cause}" if path else str(cause)
    match details["type"]:
        case "extra_forbidden":
            return f"{path}: unknown key{_hint(str(loc[-1]), list(_fields(model, data, loc[:-1])))}"
        case "missing":
            field = str(loc[-1])
            whole = path if path.rpartition(".")[2] == field else f"{path}.{field}".removeprefix(".")
            return f"{whole}: missing; a value is required"
        case "json_invalid":
            return f"not a configuration: {details['msg']}"
    value = details["input"]
    message = details["msg"][:1].lower() + details["msg"][1:]
    if isinstance(value, float) and details["type"] == "int_type" and value.is_integer():
        message += f" (write {int(value)})"
    return f"{path}: {_shown(value)} is not accepted; {message}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _hint(name: str, accepted: list[str]) -> str:
    close = get_close_matches(name, accepted, n=1)
    return (f"; did you mean {close[0]!r}?" if close else "") + f" (accepted: {', '.join(accepted)})"


def _dotted(data: Any, loc: tuple[int | str, ...]) -> str:
    """The field as a user writes it: without the tags of unions that pydantic puts between the keys."""
    parts = []
    for place, part in enumerate(loc):
        inside = isinstance(data, Mapping) and part in data
        indexed = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if inside or indexed:
            parts.append(str(part))
            data = data[part]
        elif place == len(loc) - 1 and isinstance(data, Mapping):
            parts.append(str(part))
    return ".".join(parts)


def _fields(model: type[BaseModel], data: Any, loc: tuple[int | str, ...]) -> Iterator[str]:
    """Every key that is accepted at ``loc``."""
    models = [model]
    for part in loc:
        inside = isinstance(data, Mapping) and part in data
        data = data[part] if inside else data
        fields = [each.model_fields[str(part)] for each in models if str(part) in each.model_fields]
        if fields:
            models = [inner for field in fields for inner in _models_of(field, data)]
        else:  # the tag of a union: the members that carry it
            models = [each for each in models if each.__name__ == part or part in _literals(each)] or models
    seen = dict.fromkeys(name for each in models for name in each.model_fields)
    yield from seen


def _models_of(field: FieldInfo, data: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's value may be of; where it holds a part, the one that the data names."""
    for listing in field.metadata:
        if isinstance(listing, Parts) and isinstance(data, Mapping):
            yield listing.named(data.get(listing.key))
            return
    yield from _models(field.annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _literals(model: type[BaseModel]) -> set[Any]:
    return {value for field in model.model_fields.values() for value in get_args(field.annotation)}
