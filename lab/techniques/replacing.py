"""Puts modules of one kind in the place of those of another, within any network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def replaced(network: nn.Module, make: Callable[[nn.Module], Module | None]) -> list[Module]:
    """Put ``make(module)`` in the place of each module within ``network`` for which it is not None, and return them.

    A module that stands in several places is made once; ``network`` itself stays.
    """
    made: dict[nn.Module, Module] = {}
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):  # named_children() leaves out who stands there a second time
            if child is None:
                continue
            if child not in made and (module := make(child)) is not None:
                made[child] = module.train(child.training)
            if child in made:
                setattr(parent, name, made[child])
    return list(made.values())
