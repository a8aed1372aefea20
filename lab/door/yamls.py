"""YAML as configurations need it: safe, without surprises in numbers and words, and exact when written back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.door import files
from lab.errors import UserError

INT = re.compile(r"[-+]?[0-9][0-9_]*$")
FLOAT = re.compile(
    r"""(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?
        |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)$")


LONGEST_INT = 300
MOST_BYTES = 1 << 18
"""PyYAML takes a second for so much."""
MOST_VALUES = 100_000
DEEPEST = 100
MERGE = "tag:yaml.org,2002:merge"
MANY = f"not a configuration: more than {MOST_VALUES:,} values, aliases counted where they stand"


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader, but ``1e-3`` is a number, ``off`` and ``12:30`` are words, and no key stands twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {  # noqa: RUF012  (PyYAML's own name)
        first: [pair for pair in pairs if pair[0].rpartition(":")[2] in ("null", "merge")]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    merged = 0
    """How many pairs ``<<`` has brought so far."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """A node without a tag of its own, or a number that is tagged as one: the plain ones say what is needed."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if _is_number(event):  # rl-zoo's files write !!float 1e-3, since a usual loader takes 1e-3 for a word
            event.tag, event.implicit = None, (True, False)
        if getattr(event, "tag", None) not in (None, "!"):
            line = event.start_mark.line + 1
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            raise UserError(f"line {line}: the tag {tag[:60]} is not accepted; write the value without it")
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what ``<<`` names into a mapping, each key once, when all keys are known to be distinct words.

        PyYAML's own keeps every pair of every source: lists of aliases of such lists grow without end.
        """
        own = _distinct(node)
        if "<<" not in own or own["<<"][0].tag != MERGE:
            return
        key_node, named = own.pop("<<")
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for source in named.value if isinstance(named, yaml.SequenceNode) else [named]:
            if not isinstance(source, yaml.MappingNode):
                line = key_node.start_mark.line + 1
                raise UserError(f"line {line}: << names what is no mapping; a mapping or a list of them is accepted")
            self.flatten_mapping(source)
            self.merged += len(source.value)
            if self.merged > MOST_VALUES:
                raise UserError(MANY)
            for pair in source.value:
                merged.setdefault(pair[0].value, pair)
        node.value = list({**merged, **own}.values())


def _distinct(node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """The pairs of a mapping's nodes by key."""
    pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key_node, value_node in node.value:
        key, line = key_node.value, key_node.start_mark.line + 1
        if not isinstance(key, str) or key_node.tag not in ("tag:yaml.org,2002:str", MERGE):
            shown = repr(key) if isinstance(key, str) else "there"
            raise UserError(f"line {line}: the key {shown} is not a word; put it in quotes")
        if key in pairs:
            raise UserError(f"line {line}: the key {key!r} stands twice")
        pairs[key] = (key_node, value_node)
    return pairs


def _is_number(event: Any) -> bool:
    """Whether a tag says of a number that it is one."""
    tagged = getattr(event, "tag", None) in ("tag:yaml.org,2002:float", "tag:yaml.org,2002:int")
    return tagged and any(pattern.match(getattr(event, "value", "")) for pattern in (INT, FLOAT))


def _construct_int(loader: Loader, node: yaml.ScalarNode) -> int:
    if len(node.value) > LONGEST_INT:
        line = node.start_mark.line + 1
        raise UserError(f"line {line}: a number of {len(node.value)} digits is not accepted; at most {LONGEST_INT} are")
    return int(node.value.replace("_", ""))


RESOLVED = (("bool", BOOL, "tTfF"), ("int", INT, "-+0123456789"), ("float", FLOAT, "-+0123456789."))
for _tag, _pattern, _first in RESOLVED:
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, list(_first))
Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


class Dumper(yaml.SafeDumper):
    """Quotes every word that either this module's loader or a usual one would take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write a value that stands twice twice: anchors are no help to a reader."""
        return True


for _tag, _pattern, _first in RESOLVED:
    Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, list(_first))


def parse(text: str) -> Any:
    """The value that a YAML text stands for.

    Raises:
        UserError: it is no YAML, or a key stands twice (the message gives the line), or it is nested without end.
    """
    try:
        value = yaml.load(text, Loader)
        if _size(value) > MOST_VALUES:
            raise UserError(MANY)
        return value
    except RecursionError:
        raise UserError("not a configuration: nested too deeply, or an alias within what it stands for") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UserError(f"{where}not YAML: {error.problem or error.context}") from None
    except UserError:
        raise
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two of escapes that are no characters
        raise UserError(f"not YAML: {' '.join(str(error).split())}") from None


def _size(value: Any, depth: int = 0) -> int:
    """How many values a tree holds, counted no further than MOST_VALUES; RecursionError where it is too deep."""
    if not isinstance(value, dict | list):
        return 1
    if depth > DEEPEST:
        raise RecursionError
    size = 1
    for item in value.values() if isinstance(value, dict) else value:
        size += _size(item, depth + 1)
        if size > MOST_VALUES:
            break
    return size


def load_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        UserError: the file is missing, unreadable, no YAML, or no mapping of words to values.
    """
    path = Path(path)
    text = files.read_text(path, MOST_BYTES)
    try:
        value = parse(text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise UserError(
            f"{path}: holds {'nothing' if value is None else 'no mapping'}; 'key: value' lines are expected"
        )
    return value


def peek(path: str | Path, key: str) -> str | None:
    """The word or number that stands beside a key at the top of a YAML file; ``None`` where there is none.

    The file is read to its end, but nothing is built of it: with libyaml twenty times as fast as :func:`load_yaml`.

    Raises:
        UserError: the file is missing, unreadable or no YAML.
    """
    text = files.read_text(path, MOST_BYTES)
    found = None
    try:
        events = yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for name, value in _top(events):
            found = value if name == key else found
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return found


def _top(events: Iterable[yaml.Event]) -> Iterator[tuple[str, str]]:
    """The pairs of scalars in the outermost mapping of a document."""
    depth, key = 0, None
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth, key = depth + 1, None
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif depth == 1 and isinstance(event, yaml.NodeEvent):  # a scalar, or an alias, which has no value of its own
            value = getattr(event, "value", "")
            if key is not None:
                yield key, value
            key = value if key is None else None


def dump_yaml(mapping: Mapping[str, Any]) -> str:
    """YAML that :func:`parse` turns into an equal mapping, every float to its last bit."""
    return yaml.dump(
        dict(mapping), Dumper=Dumper, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True
    )
