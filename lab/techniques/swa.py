"""Stochastic weight averaging: the equal-weight mean of the weights at the troughs of the learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from itertools import islice
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from lab.errors import UserError
from lab.phase.voice import Voice
from lab.techniques.moments import AfterMoment, MomentPart
from lab.techniques.technique import Host, Predictor
from lab.techniques.update_bn import reestimating


class Swa(AfterMoment):
    """The mean of the weights of each moment, scored as ``swa``."""

    def __init__(self, part: SwaPart, host: Host) -> None:
        super().__init__(part, host)
        self._network, self._copies = host.network, host.copies
        self._skip = part.skip
        self._batches = partial(host.batches, part.update_bn)
        self._seen = 0
        host.redrawn.append(self._begin_again)

    def _begin_again(self) -> None:
        """From weights that are drawn anew: the mean is of nothing again."""
        self._seen = 0
        if "_average" in vars(self):
            self._average.n_averaged.zero_()

    @cached_property
    def _average(self) -> AveragedModel:
        """Of the network as it is when this is first needed: techniques may change its layers before."""
        average = AveragedModel(self._network)
        average.requires_grad_(False).eval()
        self._copies.append(list(average.module.parameters()))
        return average

    @property
    def _averaged(self) -> int:
        """Of how many weights the mean is."""
        return max(0, self._seen - self._skip)

    def reached(self, step: int) -> None:
        """The weights belong to the mean now."""
        self._seen += 1
        if self._averaged:
            self._average.update_parameters(self._network)

    def predictors(self) -> Mapping[str, Predictor]:
        """The mean, once it is one of something; its BatchNorm statistics are estimated when it is first asked."""
        return {"swa": reestimating(self._average.module, self._batches)} if self._averaged else {}

    def followers(self) -> Sequence[Tensor]:
        """The mean, once it is one of something."""
        found = (*self._average.module.parameters(), *self._average.module.buffers()) if self._averaged else ()
        return [tensor.detach() for tensor in found if tensor.is_floating_point()]

    def row(self) -> Mapping[str, float]:
        """How many weights the mean is of."""
        return {"averaged": float(self._averaged)}

    def state_dict(self) -> Mapping[str, Any]:
        """How many moments there have been, and the mean if it is one of something."""
        return {"seen": self._seen, **({"network": self._average.module.state_dict()} if self._averaged else {})}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with these."""
        self._seen = int(state["seen"])
        if self._averaged:
            self._average.module.load_state_dict(state["network"])
            self._average.n_averaged.fill_(self._averaged)


class SwaPart(MomentPart):
    """Stochastic weight averaging (Izmailov et al. 2018, arXiv 1803.05407) by torch's ``AveragedModel``: as snapshot
    ensembles, but of weights, so that an answer costs one pass. Nothing that training depends on changes."""

    offers: ClassVar[Sequence[str]] = ("swa",)

    name: Literal["swa"] = "swa"
    skip: int = Field(0, ge=0, le=1_000_000, description="first moments left out, while weights are still far off")
    update_bn: int = Field(
        100, ge=1, le=10_000, description="training batches (of all tasks met) on which BatchNorm is estimated anew"
    )

    def build(self, host: Host) -> Swa:
        """A mean of nothing, until the first moment that counts."""
        found = Swa(self, host)
        voice = self.wave(host)
        if self.skip and isinstance(voice, Voice):
            due = sum(1 for _ in islice(voice.due(self.at, 0, host.steps), self.skip + 1))
            if due <= self.skip:
                raise UserError(f"skip: {self.skip} leaves out all {due} moments of the run's {host.steps} steps")
        return found
