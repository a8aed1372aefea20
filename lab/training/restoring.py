"""Restores a trainer from a saved state that has right sums but may have been made by anybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch.optim import Optimizer

from lab.door.text import one_line
from lab.errors import UserError

WRONG = (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError, OverflowError, AssertionError)
"""What restoring raises where something is missing, of another kind or of another shape."""

ADAM = ("step", "exp_avg", "exp_avg_sq")
"""What Adam and its kin keep for each parameter."""


class Restorable(Protocol):
    """What can say its state, and take one back."""

    def state_dict(self) -> Mapping[str, Any]:
        """The state."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""


def restore(trainer: Restorable, state: Mapping[str, Any], what: str) -> None:
    """Load a state into a trainer that is at step 0.

    Tensors that stand in the trainer's own state at the same place must have the same shape and type, so that nothing
    is loaded that merely happens to fit: torch's generators, for one, read a state of any content.

    Raises:
        UserError: the state is not this trainer's, in one line that begins with ``what``.
    """
    checked(lambda: _compare(trainer.state_dict(), state, ""), what)
    checked(lambda: trainer.load_state_dict(state), what)


def checked(work: Callable[[], object], what: str) -> None:
    """Do ``work`` with data of a saved state; what does not fit is the user's to know, in one line."""
    try:
        work()
    except UserError:
        raise
    except WRONG as error:
        words = one_line(f"{type(error).__name__}: {error}", 300)
        raise UserError(f"{what} does not fit its configuration ({words})") from error


def restore_moments(
    optimizer: Optimizer, state: Mapping[int, Mapping[str, torch.Tensor]], names: Sequence[str], some: bool = False
) -> None:
    """Load what an optimiser keeps for each parameter; its options stay as they are.

    Torch takes what is of other parameters, too, and fails at the next step or never.

    Args:
        optimizer: any of torch's.
        state: the entry ``state`` of its ``state_dict``, empty before the first step.
        names: what it keeps for each parameter: "step", which is one number, and tensors of the parameter's shape.
        some: whether it may have moved some of its parameters only, as one that is given no gradient of others.

    Raises:
        ValueError: it is of other parameters.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    numbers = set(range(len(parameters)))
    if (state and not some and state.keys() != numbers) or state.keys() - numbers:
        raise ValueError(f"it holds moments of {len(state)} parameters for {len(parameters)}")
    for place, moments in state.items():
        own = parameters[place]
        _compare({name: torch.zeros(()) if name == "step" else own for name in names}, moments, f"moments.{place}")
    placed = {place: {name: _laid_out(t, parameters[place]) for name, t in own.items()} for place, own in state.items()}
    optimizer.load_state_dict({"state": placed, "param_groups": optimizer.state_dict()["param_groups"]})


def _laid_out(moment: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """A moment in its parameter's order in memory, by which fused kernels go; files know one order alone."""
    same = moment.shape != parameter.shape or moment.stride() == parameter.stride()
    return moment if same else torch.empty_like(parameter).copy_(moment)


def _compare(own: Any, given: Any, place: str) -> None:
    if isinstance(own, torch.Tensor):
        if not isinstance(given, torch.Tensor) or given.shape != own.shape or given.dtype != own.dtype:
            raise ValueError(f"{place} is no {str(own.dtype).removeprefix('torch.')} tensor of {list(own.shape)}")
        if place.startswith(".random") and not given.any():
            raise ValueError(f"{place} is no state of a random generator")
    elif isinstance(own, Mapping):
        if not isinstance(given, Mapping):
            raise ValueError(f"{place or 'it'} is no mapping")
        missing = [key for key in own if key not in given]
        if missing:
            raise ValueError(f"{place or 'it'} lacks {missing[0]!r}")
        for key, value in own.items():
            _compare(value, given[key], f"{place}.{key}")
