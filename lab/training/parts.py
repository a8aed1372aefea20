"""Parts that plug in: a configuration names one of the listed kinds, or a class of the user's own package.

A part is one class: its settings are typed fields, and what is built from them are its methods. A package lists its
parts once::

    DATA = Parts("data set", "name", DataPart, (RingData, GridData, …))

    class GanConfig(RunConfig):
        data: Annotated[DataPart, DATA]

``data: {name: ring, modes: 6}`` is then a ``RingData``, ``data: {name: my_package.module:MyData, …}`` an object of a
class that somebody else wrote as a subclass of ``DataPart``; a part whose settings all have defaults may be given by
its word alone (``loss: hinge``).
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from lab.training.record import Config

OWN = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")
"""How a part of the user's own is written: ``package.module:Name``."""


class Part(Config):
    """What a kind of part derives from; a part's own fields are its settings, documented where they are declared."""


PartType = TypeVar("PartType", bound=Part)


class Parts(Generic[PartType]):
    """The listed parts of one kind, and the type of a configuration's field that holds one of them.

    Args:
        what: the kind in words, for messages: "data set".
        key: the field that names a part, declared as ``str`` by the base and as a ``Literal`` by each listed part.
        base: what every part of the kind is a subclass of.
        listed: the parts of this installation, in the order of messages; a function of them where parts hold others of
            their kind, so that the listing stands before they do.
    """

    def __init__(
        self,
        what: str,
        key: str,
        base: type[PartType],
        listed: Sequence[type[PartType]] | Callable[[], Sequence[type[PartType]]],
    ) -> None:
        self.what, self.key, self.base = what, key, base
        self._parts = listed

    @cached_property
    def listed(self) -> dict[str, type[PartType]]:
        """The parts by the words that name them."""
        parts = self._parts() if callable(self._parts) else self._parts
        return {word: part for part in parts for word in get_args(part.model_fields[self.key].annotation)}

    def named(self, word: object) -> type[PartType]:
        """The part that a configuration's word means; a word with a colon is imported.

        Raises:
            ValueError: there is none, in one line that says what is accepted.
        """
        if isinstance(word, str) and word in self.listed:
            return self.listed[word]
        if isinstance(word, str) and ":" in word:
            return own_class(word, self.base)
        close = get_close_matches(str(word), self.listed, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"no {self.what} is called {str(word)[:60]!r}{hint} "
            f"(accepted: {', '.join(self.listed)}, or my_package.module:Name)"
        )

    def validate(self, value: Any) -> PartType:
        """The part that a word or a mapping of settings stands for."""
        if isinstance(value, self.base):
            return value
        if isinstance(value, str):
            value = {self.key: value}
        if not isinstance(value, Mapping):
            raise ValueError(f"{str(value)[:60]!r} is not accepted; {{{self.key}: …}} is expected")
        if self.key not in value:
            raise ValueError(f"{self.key} is missing; accepted: {', '.join(self.listed)}, or my_package.module:Name")
        # As in lab.training.config.resolve: the strictness of JSON is that of a file.
        return self.named(value[self.key]).model_validate_json(json.dumps(value))

    def dumped(self, part: PartType) -> Any:
        """Plain data that ``validate`` turns back into an equal part; a part without settings is its word."""
        data = part.model_dump(mode="json")
        return data[self.key] if list(data) == [self.key] else data

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """How pydantic reads and writes a field that is annotated with this listing."""
        return core_schema.no_info_plain_validator_function(
            self.validate, serialization=core_schema.plain_serializer_function_ser_schema(self.dumped)
        )


def short_name(name: str) -> str:
    """What a part is called in logs and voices: its word, or the class of another package.

    >>> short_name("r1"), short_name("my_package.module:Mine")
    ('r1', 'Mine')
    """
    words = OWN.fullmatch(name)
    return words[2] if words else name


def own_class(name: str, base: type[PartType]) -> type[PartType]:
    """The class that ``package.module:Name`` means, from an installed package or a module of the current directory.

    Raises:
        ValueError: it is not written so, is not to be found, fails to import, or is no subclass of ``base``.
    """
    words = OWN.fullmatch(name)
    wanted = f"my_package.module:Name, a subclass of {base.__module__}.{base.__qualname__}"
    if words is None:
        raise ValueError(f"{name[:60]!r} is not accepted; {wanted}, is")
    found = getattr(own_module(words[1]), words[2], None)
    if not isinstance(found, type) or not issubclass(found, base):
        what = "nothing of that name" if found is None else "something else"
        raise ValueError(f"{name!r} is {what}; accepted: {wanted}")
    return found


def own_module(name: str) -> Any:
    """Import a module that is installed, or lies in the current directory.

    Raises:
        ValueError: it belongs to Python itself, is not to be found, or fails while it is imported.
    """
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        raise ValueError(f"module {name!r} belongs to Python itself; accepted: a module of your own")
    here = str(Path.cwd())
    if PathFinder.find_spec(top) is None and here not in sys.path and PathFinder.find_spec(top, [here]) is not None:
        sys.path.append(here)  # last, so that nothing installed is shadowed; the processes of a study inherit it
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ValueError(f"module {name!r} is neither installed nor in the current directory") from error
        raise ValueError(f"module {name!r} cannot be imported: it needs {error.name}") from error
    except Exception as error:  # whatever somebody else's module does while it is imported
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"module {name!r} cannot be imported ({type(error).__name__}: {reason})") from error


def own_parts(config: BaseModel) -> Iterator[type[Part]]:
    """The classes of the parts anywhere in a configuration that another package brought."""
    for name in type(config).model_fields:
        value = getattr(config, name)
        items = value.values() if isinstance(value, Mapping) else value
        for item in items if isinstance(value, list | tuple | Mapping) else (value,):
            if isinstance(item, BaseModel):
                if isinstance(item, Part) and any(_names(value, type(item)) for value in vars(item).values()):
                    yield type(item)
                yield from own_parts(item)


def origin(module: str) -> dict[str, Any]:
    """Where an imported module came from, for a run's provenance: its distribution and version, or its file."""
    distributions = packages_distributions().get(module.partition(".")[0], [])
    if distributions:
        return {"module": module, "distribution": distributions[0], "version": version(distributions[0])}
    return {"module": module, "file": getattr(sys.modules.get(module), "__file__", None)}


def _names(value: Any, kind: type[Part]) -> bool:
    words = OWN.fullmatch(value) if isinstance(value, str) else None
    return words is not None and getattr(sys.modules.get(words[1]), words[2], None) is kind
