"""Parameter groups by name, each with a rate of its own: layer-wise rates, and layers frozen by a rate of 0."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import Optimizer

from lab.errors import UserError

REST = ""
"""What the parameters that no group names are called; their rate is the voice ``lr``."""


def voices(groups: Sequence[str]) -> dict[str, str]:
    """The voices that groups take, each with what it is."""
    rates = {f"lr.{name}": f"learning rate of the group {name}; lr where it is left out" for name in groups}
    gates = {f"gate.{name}": f"factor on the rate of the group {name}, 0 to 1; 0 freezes it" for name in groups}
    return {**rates, **gates}


def rates(groups: Sequence[str], values: Mapping[str, float]) -> dict[str, float]:
    """The rate of each group and of the rest, from the values of :func:`voices` and of ``lr``."""
    own = {name: values.get(f"lr.{name}", values["lr"]) * values.get(f"gate.{name}", 1.0) for name in groups}
    return {**own, REST: values["lr"]}


def grouped(names: Sequence[str], patterns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The group of each name: the first of which a pattern matches it (``*`` matches anything), else :data:`REST`.

    Raises:
        UserError: a pattern matches no name, or all of a group's names are taken by groups before it.
    """
    for group, own in patterns.items():
        for pattern in own:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
                shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
                raise UserError(f"groups.{group}: {pattern!r} matches no parameter; there are {shown}")
    found = {name: _group_of(name, patterns) for name in names}
    for group in patterns:
        if group not in found.values():
            raise UserError(f"groups.{group}: groups before it take all of its parameters")
    return found


def heights(network: nn.Module) -> dict[str, int]:
    """How many layers stand between each parameter and the output, by name: 0 for the last layer.

    A layer is a module with a parameter of two dimensions or more; normalisations and other modules with vectors alone
    belong to the layer before them. The order is that in which the network registers its modules.
    """
    layer = 0
    found: dict[str, int] = {}
    for prefix, module in network.named_modules():
        own = [f"{prefix}.{name}".lstrip(".") for name, _ in module.named_parameters(recurse=False)]
        if any(parameter.ndim >= 2 for parameter in module.parameters(recurse=False)):
            layer += 1
        found |= dict.fromkeys(own, layer)
    return {name: layer - at for name, at in found.items()}


class Groups:
    """The parameters of a network in groups, for any optimiser of torch's.

    A group whose rate is 0 is frozen: its parameters have no gradient, so that the optimiser leaves them, their moments
    and their weight decay alone, and the backward pass ends above them; its BatchNorms normalise by their running
    statistics, which stay. When its rate is no longer 0 it goes on with the moments and statistics it had. Dropout goes
    on. The rest, which no group names, is never frozen. BatchNorms without a parameter to train that were in eval mode
    stay in it.

    Args:
        network: whose parameters they are.
        patterns: of the names of parameters, by group.
        layer_decay: what the rate is multiplied by for each layer above a parameter (:func:`heights`), in (0, 1]:
            1/2.6 in ULMFiT (arXiv 1801.06146), .65 to .75 for vision transformers (arXiv 2106.08254).

    Raises:
        UserError: a pattern matches nothing.
    """

    def __init__(
        self, network: nn.Module, patterns: Mapping[str, Sequence[str]] = {}, layer_decay: float = 1.0
    ) -> None:
        self.names = tuple(patterns)
        self._network, self._patterns = network, patterns
        of = grouped([name for name, _ in network.named_parameters()], patterns)
        above = heights(network)
        self._parameters: dict[tuple[str, float], list[nn.Parameter]] = {}
        for name, parameter in network.named_parameters():
            place = of[name], layer_decay ** above[name]
            self._parameters.setdefault(place, []).append(parameter)
        self._movable = {id(p) for p in network.parameters() if p.requires_grad}
        self._frozen: frozenset[str] = frozenset()
        self._asleep = [norm for norm in network.modules() if _sleeps(norm)]
        self._still: list[_NormBase] = []

    def options(self) -> list[dict[str, Any]]:
        """What an optimiser is built with: parameters by group and factor of the rate."""
        return [{"params": own, "group": group, "factor": factor} for (group, factor), own in self._parameters.items()]

    def set(self, optimizer: Optimizer, values: Mapping[str, float]) -> None:
        """Set the rates of a step, and freeze or thaw what they say.

        Args:
            optimizer: that was built with :meth:`options`.
            values: of the rest and of each group, as :func:`rates` has them.
        """
        for group in optimizer.param_groups:
            group["lr"] = values[group["group"]] * group["factor"]
        frozen = frozenset(name for name in self.names if values[name] == 0)
        if frozen != self._frozen:
            self._freeze(frozen)
        for norm in (*self._still, *self._asleep):  # whoever calls network.train() wakes them
            norm.training = False

    def _freeze(self, frozen: frozenset[str]) -> None:
        for (group, _), parameters in self._parameters.items():
            if (group in frozen) != (group in self._frozen):
                for parameter in parameters:
                    parameter.requires_grad_(group not in frozen and id(parameter) in self._movable)
                    parameter.grad = None
        for norm in self._still:
            norm.training = self._network.training
        self._frozen, self._still = frozen, list(self._norms(frozen))

    def _norms(self, frozen: frozenset[str]) -> Iterator[_NormBase]:
        """Those of frozen groups; looked for now, as a technique may have put others in their places."""
        for name, module in self._network.named_modules():
            if isinstance(module, _NormBase) and _group_of(f"{name}.weight", self._patterns) in frozen:
                yield module


def _sleeps(module: nn.Module) -> bool:
    frozen = not any(parameter.requires_grad for parameter in module.parameters())
    return isinstance(module, _NormBase) and not module.training and frozen


def _group_of(name: str, patterns: Mapping[str, Sequence[str]]) -> str:
    return next((g for g, own in patterns.items() if any(fnmatch.fnmatchcase(name, pattern) for pattern in own)), REST)
