"""BatchNorm whose momentum is a voice: a tensor, so that compiled code and CUDA graphs see it move."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from lab.errors import UserError
from lab.phase import targets
from lab.phase.conductor import Target
from lab.techniques.replacing import replaced
from lab.techniques.technique import Batch, Host, Predictor, Technique, TechniquePart, VoiceSpec
from lab.techniques.update_bn import reestimating


class TensorMomentum(_BatchNorm):
    """A BatchNorm whose ``momentum`` is a tensor: running ← (1 − momentum)·running + momentum·batch, as in torch.

    A momentum of None means the plain average of all batches, as in torch.
    """

    momentum: Tensor | None  # type: ignore[assignment]
    batch_mean: Tensor
    batch_var: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine)
        del self.momentum
        self.register_buffer("momentum", torch.tensor(float(momentum)), persistent=False)
        self.register_buffer("batch_mean", torch.zeros(num_features), persistent=False)
        self.register_buffer("batch_var", torch.ones(num_features), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        """Normalised by the batch in training mode, and where there are no running statistics; else by those."""
        self._check_input_dim(input)  # type: ignore[no-untyped-call]
        if self.momentum is None:
            return super().forward(input)
        mean, variance = self.running_mean, self.running_var
        if not self.training or mean is None or variance is None:
            by_batch = mean is None or variance is None
            return functional.batch_norm(input, mean, variance, self.weight, self.bias, by_batch, 0.0, self.eps)
        # At momentum 1 torch leaves the batch's own statistics, which the tensor then weighs.
        kept = (self.batch_mean, self.batch_var)
        normal = functional.batch_norm(input, *kept, self.weight, self.bias, True, 1.0, self.eps)
        with torch.no_grad():
            mean.lerp_(kept[0], self.momentum)
            variance.lerp_(kept[1], self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        return normal


class BatchNorm1d(TensorMomentum, nn.BatchNorm1d):
    """``nn.BatchNorm1d`` whose momentum is a tensor."""


class BatchNorm2d(TensorMomentum, nn.BatchNorm2d):
    """``nn.BatchNorm2d`` whose momentum is a tensor."""


class BatchNorm3d(TensorMomentum, nn.BatchNorm3d):
    """``nn.BatchNorm3d`` whose momentum is a tensor."""


KINDS: Mapping[type[nn.Module], Callable[..., TensorMomentum]] = {
    nn.BatchNorm1d: BatchNorm1d,
    nn.BatchNorm2d: BatchNorm2d,
    nn.BatchNorm3d: BatchNorm3d,
}
"""Each of torch's, and ours."""


def with_tensor_momenta(network: nn.Module) -> list[TensorMomentum]:
    """Replace each BatchNorm of torch's within a network that keeps running statistics; return the new ones.

    Weights and statistics are the same tensors as before, and have the same names in ``state_dict``.
    """

    def make(module: nn.Module) -> TensorMomentum | None:
        if isinstance(module, TensorMomentum):
            return module
        kind = KINDS.get(type(module))
        if kind is None or not isinstance(module, _BatchNorm) or module.running_mean is None:
            return None
        found = kind(module.num_features, module.eps, module.momentum or 0.1, module.affine)
        found.to(module.running_mean.device, module.running_mean.dtype)
        found.weight, found.bias = module.weight, module.bias
        found.running_mean, found.running_var = module.running_mean, module.running_var
        found.num_batches_tracked = module.num_batches_tracked
        return found

    return replaced(network, make)


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards each module is in its own mode again, frozen ones too."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def by_running(network: nn.Module, inputs: Tensor) -> Tensor:
    """What a network answers in evaluation mode; it is left as it was found."""
    with _evaluating(network):
        answer: Tensor = network(inputs)
    return answer


def by_batch(network: nn.Module, inputs: Tensor) -> Tensor:
    """The same, but that BatchNorm normalises by these inputs, as it does in training."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    kept = [(norm.running_mean, norm.running_var) for norm in norms]
    for norm in norms:
        norm.running_mean = norm.running_var = None
    try:
        return by_running(network, inputs)
    finally:
        for norm, (mean, variance) in zip(norms, kept, strict=True):
            norm.running_mean, norm.running_var = mean, variance


class ConductedBatchNorm(Technique):
    """The momentum of all BatchNorms of the network that is trained; scores ``reestimated`` beside it."""

    def __init__(self, part: BatchNormPart, host: Host) -> None:
        if not with_tensor_momenta(host.network):
            raise UserError("the network has no BatchNorm with running statistics; a network with one is needed")
        self._network, self._every = host.network, part.gap_every
        self._batches = partial(host.batches, part.batches) if part.batches else None
        self._gaps = torch.zeros((), dtype=torch.float64, device=host.device)
        self._measured = 0

    def targets(self) -> Mapping[str, Target]:
        """The momenta."""
        return {"batchnorm.momentum": targets.modules(self._network, TensorMomentum, "momentum")}

    def batch(self, batch: Batch, step: int) -> Batch:
        """The same; now and then what running statistics cost on it is measured, at the weights of this step."""
        if self._every and step % self._every == 0:
            answers = (by_batch(self._network, batch.inputs), by_running(self._network, batch.inputs))
            own, running = ((answer.argmax(dim=1) == batch.labels).double().mean() for answer in answers)
            self._gaps += own - running
            self._measured += 1
        return batch

    def predictors(self) -> Mapping[str, Predictor]:
        """The network with statistics that are estimated anew."""
        return {} if self._batches is None else {"reestimated": reestimating(self._network, self._batches)}

    def row(self) -> Mapping[str, float]:
        """``gap``: accuracy by the batch's statistics less that by running ones, in the mean since the last row."""
        if not self._measured:
            return {}
        row = {"gap": float(self._gaps) / self._measured}
        self._gaps.zero_()
        self._measured = 0
        return row

    def state_dict(self) -> Mapping[str, Any]:
        """What the next row will be made of."""
        return {"gaps": self._gaps, "measured": self._measured}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with that."""
        self._gaps.copy_(state["gaps"])
        self._measured = int(state["measured"])


class BatchNormPart(TechniquePart):
    """BatchNorm's momentum conducted, against statistics that are estimated anew (PreciseBN, arXiv 2105.07576).

    Torch's momentum is the share of the batch; other libraries call one minus it so.
    """

    voices: ClassVar[Mapping[str, VoiceSpec]] = {
        "batchnorm.momentum": VoiceSpec("share of the batch in running statistics", 0.0, 1.0, 0.1)
    }
    offers: ClassVar[Sequence[str]] = ("reestimated",)

    name: Literal["batchnorm"] = "batchnorm"
    batches: int = Field(
        16,
        ge=0,
        le=10_000,
        description="training batches (of all tasks met) to estimate statistics from to be scored; 0 for none",
    )
    gap_every: int = Field(
        50, ge=0, le=1_000_000, description="steps between measurements of what running statistics cost; 0 for none"
    )

    def build(self, host: Host) -> ConductedBatchNorm:
        """In the place of the momenta that the network came with."""
        return ConductedBatchNorm(self, host)
