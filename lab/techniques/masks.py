"""Which weights of a network are there: exact counts, layer by layer, that are dropped and grown.

The masks lie beside the network, not in it as ``torch.nn.utils.parametrize`` would have them: its parameters, the
names in its state and what optimisers, averages and CUDA graphs hold of it stay as they are, and a gradient is dense
until it is masked, which is where regrowth looks. It costs one product a step, where a parametrisation costs one in the
forward and one in the backward pass (LeNet-300-100 on one core: 1 to 2 % of a step against 11 to 17 %).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lab.errors import UserError


def weights_of(network: nn.Module, dense: Sequence[str] = (), dense_first: bool = False) -> dict[str, nn.Parameter]:
    """The parameters of at least two dimensions by name: matrices and kernels, no biases and no norms' scales.

    Args:
        network: any.
        dense: names of those to leave out, in which ``*`` matches anything.
        dense_first: leave the first of them out, as RigL does where the distribution is uniform.

    Raises:
        UserError: nothing is left, or a name fits none.
    """
    found = {name: weight for name, weight in network.named_parameters() if weight.ndim >= 2}
    for pattern in dense:
        if not any(fnmatchcase(name, pattern) for name in found):
            raise UserError(f"dense: {pattern!r} fits no weight; there are {', '.join(found) or 'none'}")
    left = [name for name in list(found)[dense_first:] if not any(fnmatchcase(name, pattern) for pattern in dense)]
    if not left:
        raise UserError("the network has no weights to mask: matrices or kernels that are not left dense")
    return {name: found[name] for name in left}


class Masks:
    """Masks of some weights, drawn at random; the weights that are not there are 0.

    Their gradients are 0 too once :meth:`mask_gradients` was called, and so are their moments, so that any optimiser
    which moves a weight only by these leaves them at exactly 0, with weight decay as without. What grows is thereby
    reset: it begins at 0, with moments of 0.

        masks = Masks(weights_of(net), counts, torch.Generator())
        …
        loss.backward()
        if step % 100 == 0:  # RigL: gradients are dense here
            masks.drop(fewer)
            masks.grow(counts, masks.gradients())
            masks.hold(optimizer)
        masks.mask_gradients()
        optimizer.step()

    Args:
        weights: by name.
        counts: how many of each are there.
        random: on the host.
        learned: the weights are no random ones: the largest of them are there, in the place of any.

    Attributes:
        names, weights: of the layers, in order.
        kept: of each layer a bool tensor of its shape, true where the weight is there.
        active: how many are there, layer by layer; known without a look at the device.
        ever: as ``kept``, true where the weight has been there at any time.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], counts: Sequence[int], random: torch.Generator, learned: bool = False
    ) -> None:
        self.names, self.weights = list(weights), list(weights.values())
        self.kept = [torch.zeros_like(weight, dtype=torch.bool) for weight in self.weights]
        self.ever = [kept.clone() for kept in self.kept]
        self._factors = [torch.zeros_like(weight) for weight in self.weights]
        self.active = [0] * len(self.weights)
        self.grow(counts, [weight.detach().abs() for weight in self.weights] if learned else self.random(random))
        self.hold()

    @property
    def size(self) -> int:
        """How many weights there could be."""
        return sum(weight.numel() for weight in self.weights)

    @property
    def density(self) -> float:
        """The share of them that is there."""
        return sum(self.active) / self.size

    @property
    def explored(self) -> float:
        """The share of them that has been there at any time (Liu et al. 2021); waits for the device."""
        return sum(int(ever.count_nonzero()) for ever in self.ever) / self.size

    def gradients(self) -> list[Tensor]:
        """The magnitude of each weight's gradient, by which RigL grows (Evci et al. 2020); 0 where it has none."""
        return [torch.zeros_like(w) if w.grad is None else w.grad.abs() for w in self.weights]

    def random(self, random: torch.Generator) -> list[Tensor]:
        """A uniform number for each weight, by which SET grows (Mocanu et al. 2018)."""
        return [torch.rand(w.shape, generator=random).to(w.device) for w in self.weights]

    @torch.no_grad()
    def drop(self, counts: Sequence[int]) -> int:
        """Keep so many of each layer's weights, those of the largest magnitude; say how many went.

        A weight stands at its value until :meth:`hold`, so that what is grown again before has lost nothing.
        """
        before = sum(self.active)
        for place, (weight, kept) in enumerate(zip(self.weights, self.kept, strict=True)):
            if counts[place] < self.active[place]:
                largest = _largest(weight.abs().masked_fill(~kept, -1), counts[place])
                self._set(place, largest.view_as(kept), counts[place])
        return before - sum(self.active)

    @torch.no_grad()
    def grow(self, counts: Sequence[int], scores: Sequence[Tensor]) -> int:
        """Add to each layer the weights of the largest scores, until there are so many; say how many came.

        Args:
            counts: of each layer.
            scores: of each layer float of its shape, at least 0.
        """
        before = sum(self.active)
        for place, (score, kept) in enumerate(zip(scores, self.kept, strict=True)):
            if (more := counts[place] - self.active[place]) > 0:
                largest = _largest(score.masked_fill(kept, -1), more)
                self._set(place, kept | largest.view_as(kept), counts[place])
        return sum(self.active) - before

    def _set(self, place: int, kept: Tensor, count: int) -> None:
        self.kept[place].copy_(kept)
        self._factors[place].copy_(kept)
        self.active[place] = count
        self.ever[place].logical_or_(kept)

    def mask_gradients(self) -> None:
        """Make the gradients of the weights that are not there 0."""
        found = [(w.grad, f) for w, f in zip(self.weights, self._factors, strict=True) if w.grad is not None]
        if found:
            gradients, factors = zip(*found, strict=True)
            torch._foreach_mul_(gradients, factors)

    @torch.no_grad()
    def hold(self, optimizer: Optimizer | None = None, *copies: Sequence[Tensor]) -> None:
        """Make the weights that are not there 0, and what goes by them.

        Args:
            optimizer: whose moments of a weight's shape are made 0 there as well.
            copies: tensors in the order of the weights that follow them, such as an average.
        """
        for tensors in (self.weights, *copies):
            torch._foreach_mul_(list(tensors), self._factors)
        for weight, factor in zip(self.weights, self._factors, strict=True) if optimizer else ():
            for moment in _moments(optimizer, weight):
                moment.mul_(factor)

    def state_dict(self) -> dict[str, Any]:
        """Which weights are there, and have been."""
        named = zip(self.names, self.kept, self.ever, strict=True)
        return {name: {"kept": kept, "ever": ever} for name, kept, ever in named}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with these; weights and moments are their owners' to restore."""
        for place, name in enumerate(self.names):
            kept = state[name]["kept"].to(self.kept[place].device)
            self._set(place, kept, int(kept.count_nonzero()))
            self.ever[place].copy_(state[name]["ever"])


def _largest(scores: Tensor, count: int) -> Tensor:
    """True at the places of the ``count`` largest, bool[n] in the order of the flattened scores."""
    flat = scores.flatten()
    return torch.zeros_like(flat, dtype=torch.bool).index_fill_(0, flat.topk(count, sorted=False).indices, True)


def _moments(optimizer: Optimizer | None, weight: Tensor) -> Iterable[Tensor]:
    """What an optimiser remembers of each number of a weight."""
    kept = optimizer.state.get(weight, {}) if optimizer else {}
    return [each for each in kept.values() if isinstance(each, Tensor) and each.shape == weight.shape]
