"""Where a value goes: optimiser parameter groups, attributes, modules' attributes, callables, tensor buffers.

Every function here checks at once that what it names exists and holds a number, and returns a function of one number.
The place is looked up again at each value, so that loading an optimiser's state or moving a module loses nothing.
Tensors are filled in place, which compiled code and CUDA graphs see without recompiling; a changed float attribute
recompiles at every value.
"""

from __future__ import annotations

import fnmatch
import inspect
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence
from typing import Any

import torch
from torch import nn

from lab.phase.conductor import Target
from lab.phase.errors import refuse, unknown


def param_group(optimizer: torch.optim.Optimizer, key: str, group: int | None = None) -> Target:
    """An option of an optimiser's parameter groups: "lr", "weight_decay", "momentum", or "betas.0" for one of several.

    Args:
        optimizer: any torch optimiser.
        key: an option that this optimiser reads and that is a number or a tensor.
        group: one group's index; all groups by default.

    Raises:
        PhaseError: a key the optimiser never reads, one that is no number, or a group that does not exist.
    """
    name, _, item = key.partition(".")
    count = len(optimizer.param_groups)
    if group is not None and (isinstance(group, bool) or group not in range(count)):
        raise refuse("group", group, f"None or an index below {count}")
    accepted = [option for option, value in optimizer.defaults.items() if _settable(value)]
    accepted += [
        f"{option}.{at}"
        for option, value in optimizer.defaults.items()
        if isinstance(value, tuple)
        for at in range(len(value))
    ]
    if key not in accepted:
        raise unknown(f"{type(optimizer).__name__} parameter group", key, accepted)

    def chosen() -> list[dict[str, Any]]:
        return optimizer.param_groups if group is None else [optimizer.param_groups[group]]

    if item:
        at = int(item)

        def assign_item(value: float) -> None:
            for options in chosen():
                values = options[name]
                if isinstance(values[at], torch.Tensor):
                    _fill(values[at], value)
                else:
                    options[name] = (*values[:at], value, *values[at + 1 :])

        return assign_item

    def assign(value: float) -> None:
        for options in chosen():
            if type(options[name]) is float:
                options[name] = value
            else:
                _set_item(options, name, value)

    return assign


def modules(root: nn.Module, select: type[nn.Module] | tuple[type[nn.Module], ...] | str, attribute: str) -> Target:
    """An attribute of every module of a type, or of the modules of a name ("blocks.3.drop"; ``*`` matches anything).

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))
    >>> modules(net, nn.Dropout, "p")(0.3)
    >>> net
    Sequential(
      (0): Linear(in_features=2, out_features=2, bias=True)
      (1): Dropout(p=0.3, inplace=False)
    )

    Raises:
        PhaseError: no such module, or one without that attribute, or an attribute that is no number.
    """
    named = dict(root.named_modules())
    if isinstance(select, str):
        chosen = [module for name, module in named.items() if fnmatch.fnmatchcase(name, select)]
        if not chosen:
            raise unknown("module", select, [name for name in named if name])
    else:
        chosen = [module for module in named.values() if isinstance(module, select)]
        if not chosen:
            wanted = select.__name__ if isinstance(select, type) else "/".join(kind.__name__ for kind in select)
            raise unknown("module type", wanted, sorted({type(module).__name__ for module in named.values()}))
    targets = [_member(module, attribute, f"{type(module).__name__}.{attribute}") for module in chosen]

    def assign(value: float) -> None:
        for target in targets:
            target(value)

    return assign


def attribute(root: Any, path: str) -> Target:
    """The attribute at a dotted path; parts may also be keys of a mapping or indices of a list: "policy.heads.0.scale".

    Raises:
        PhaseError: a part that does not exist, or an end that is no number.
    """
    *parents, last = path.split(".")

    def owner() -> Any:
        found = root
        for at, part in enumerate(parents):
            found = _get(found, part, ".".join(parents[: at + 1]))
        return found

    current = _get(owner(), last, path)
    if not _settable(current):
        raise refuse(path, current, "an attribute that holds a number or a tensor")
    if not parents:
        return _member(root, last, path)
    _refuse_computed(owner(), last, path)
    return lambda value: _set(owner(), last, value)


def call(function: Callable[[float], object]) -> Target:
    """Any function of one number."""
    if not callable(function):
        raise refuse("function", function, "a function of one number")

    def assign(value: float) -> None:
        function(value)

    return assign


def buffer(tensor: torch.Tensor) -> Target:
    """A tensor, filled in place: for compiled code and CUDA graphs. Use ``attribute(module, name)`` for a module's own
    buffer, which ``module.to(device)`` replaces."""
    if not isinstance(tensor, torch.Tensor) or not (tensor.is_floating_point() or tensor.is_complex()):
        raise refuse("buffer", tensor, "a floating-point tensor")
    return lambda value: _fill(tensor, value)


def _refuse_computed(owner: Any, name: str, path: str) -> None:
    """Refuse what is computed anew when it is read, or cannot be set: it would stay as it is, or fail in training."""
    if isinstance(owner, Mapping | MutableSequence):
        return
    kept = getattr(owner, name)
    found = inspect.getattr_static(type(owner), name, None)
    fixed = isinstance(found, property) and found.fset is None
    frozen = getattr(getattr(owner, "__dataclass_params__", None), "frozen", False)
    if isinstance(kept, torch.Tensor):
        if getattr(owner, name) is not kept:
            raise refuse(path, kept, "a tensor that is kept; this one is computed anew whenever it is read")
    elif fixed or frozen:
        raise refuse(path, kept, "an attribute that can be set")


def _settable(value: object) -> bool:
    if isinstance(value, torch.Tensor):
        return value.is_floating_point()
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fill(tensor: torch.Tensor, value: float) -> None:
    with torch.no_grad():
        tensor.fill_(value)


def _set_item(items: MutableMapping[Any, Any] | MutableSequence[Any], key: Any, value: float) -> None:
    if isinstance(items[key], torch.Tensor):
        _fill(items[key], value)
    else:
        items[key] = value


def _set(owner: Any, name: str, value: float) -> None:
    if isinstance(owner, Mapping):
        _set_item(owner, name, value)  # type: ignore[arg-type]
    elif isinstance(owner, MutableSequence):
        _set_item(owner, int(name), value)
    elif isinstance(getattr(owner, name), torch.Tensor):
        _fill(getattr(owner, name), value)
    else:
        setattr(owner, name, value)


def _get(owner: Any, name: str, path: str) -> Any:
    if isinstance(owner, Mapping):
        if name not in owner:
            raise unknown(path, name, map(str, owner))
        return owner[name]
    if isinstance(owner, MutableSequence):
        if not name.isdecimal() or int(name) >= len(owner):
            raise refuse(path, name, f"an index below {len(owner)}")
        return owner[int(name)]
    if not hasattr(owner, name):
        numbers = [key for key in dir(owner) if not key.startswith("_") and _settable(getattr(owner, key, None))]
        raise unknown(path, name, numbers)
    return getattr(owner, name)


def _member(owner: Any, name: str, path: str) -> Target:
    current = _get(owner, name, path)
    if not _settable(current):
        raise refuse(path, current, "an attribute that holds a number or a tensor")
    _refuse_computed(owner, name, path)
    return lambda value: _set(owner, name, value)
