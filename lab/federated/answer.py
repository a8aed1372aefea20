"""What a client sends back, and the reasons for which the server refuses it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

Weights = Mapping[str, Mapping[str, Tensor]]
"""By network and by the names of its ``state_dict``, the tensors of floating point."""


VARIANCE = "running_var"
"""What the names of variances end with that a BatchNorm remembers: of a negative one it would take the root."""


@dataclass(frozen=True)
class Answer:
    """The weights that a client's local training ended with.

    Attributes:
        client: its number.
        samples: how many it learned from, by which it is weighed.
        moved: by network, the sum of the learning rates of its local steps, ∫lr.
        weights: as the server's.
        found: what it measured, in means over its steps.
    """

    client: int
    samples: int
    moved: Mapping[str, float]
    weights: Weights
    found: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Absence:
    """A client that was asked and did not answer, with the reason in a few words."""

    client: int
    reason: str


Reply = Answer | Absence


class Clients(Protocol):
    """Where answers come from: the simulation, Flower, or what stands between either and the server."""

    def replies(self, step: int, chosen: Sequence[int], weights: Weights) -> Iterable[Reply]:
        """What these clients make of the weights in a round, in the order of ``chosen``, each as it is asked for.

        An answer may be changed or overwritten once the next one is asked for.
        """

    def close(self) -> None:
        """End what was begun for them."""


def refusal(
    answer: Answer,
    weights: Weights,
    limit: float,
    moved: Mapping[str, float] | None = None,
    samples: int | None = None,
) -> str | None:
    """Why the server does not take an answer, in a few words; None where it does.

    Args:
        answer: of any content.
        weights: that the client began with.
        limit: how many times the norm of these weights the update may be long.
        moved: by network, the ∫lr of the client's own clock, where updates are divided by it: a client that said a
            smaller one would count for more. None does not look.
        samples: that the client has: one that said more would count for more. None does not look.
    """
    reason = _unlike(answer.weights, weights)
    if reason is not None:
        return reason
    if answer.samples < 1:
        return f"it learned from {answer.samples} samples"
    if samples is not None and answer.samples > samples:
        return f"it says that it learned from {answer.samples:,} samples, and has {samples:,}"
    for network in weights:
        if not math.isfinite(answer.moved.get(network, math.nan)):
            return f"the sum of its learning rates of {network} is not a number"
        if moved is not None and not math.isclose(answer.moved[network], moved[network], rel_tol=1e-6, abs_tol=1e-12):
            told, own = answer.moved[network], moved[network]
            return f"the sum of its learning rates of {network} is {told:.6g}, and that of its clock is {own:.6g}"
    pairs = list(_pairs(answer.weights, weights))
    lengths = torch.stack([torch.linalg.vector_norm(mine - begun, dtype=torch.float64) for _, mine, begun in pairs])
    length = float(torch.linalg.vector_norm(lengths))
    if not math.isfinite(length):
        bad = next((name for name, mine, _ in pairs if not bool(mine.isfinite().all())), "the norm of its update")
        return f"{bad} is not finite"
    norm = float(torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(own) for _, _, own in pairs])))
    negative = next((name for name, mine, _ in pairs if name.endswith(VARIANCE) and bool((mine < 0).any())), None)
    if negative is not None:
        return f"{negative} is negative"
    if length > limit * norm:
        return f"its update is {length / norm if norm else math.inf:.3g} times as long as the weights"
    return None


def _pairs(given: Weights, own: Weights) -> Iterator[tuple[str, Tensor, Tensor]]:
    for network, tensors in own.items():
        for name, tensor in tensors.items():
            yield f"{network}.{name}", given[network][name], tensor


def _unlike(given: Weights, own: Weights) -> str | None:
    """In what the tensors differ in name, shape or type; None where they do not."""
    mine, theirs = ({(k, n): t for k, tensors in each.items() for n, t in tensors.items()} for each in (own, given))
    for place in dict.fromkeys([*mine, *theirs]):
        one, other = mine.get(place), theirs.get(place)
        if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
            return f"{'.'.join(place)} is {_kind(other)} and not {_kind(one)}"
    return None


def _kind(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"
