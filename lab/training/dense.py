"""Dense layers by oneDNN where it is the faster library: MKL runs AMD's processors at half of their width.

torch multiplies float32 matrices on a CPU by MKL, which takes AVX2 on an AMD processor that has AVX-512. oneDNN, which
torch has for convolutions, takes AVX-512 there too: 226 against 110 GFLOP/s for a product of 256 × 256 matrices on one
core of an EPYC (Zen 5). The results agree within float32's rounding.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAST = 2**24
"""Multiplications of a product, as of 256 × 256 matrices, below which little or nothing is won in training."""
Module = TypeVar("Module", bound=nn.Module)


def quicken(module: Module) -> Module:
    """Make each ``nn.Linear`` in a module a :class:`Dense`, if this processor gains by it; returns the module.

    Parameters, their names and the state dict stay as they are. A layer of another class, a user's own or one that is
    parametrised already, is left alone.
    """
    if gains():
        for layer in module.modules():
            if type(layer) is nn.Linear:
                layer.__class__ = Dense
    return module


@cache
def gains() -> bool:
    """Whether this process multiplies by MKL on a processor that MKL holds back."""
    if not (torch.backends.mkldnn.is_available() and torch.backends.mkl.is_available()):  # type: ignore[no-untyped-call]
        return False
    if not (hasattr(torch.cpu, "get_capabilities") and hasattr(torch.ops.mkldnn, "_linear_pointwise")):  # another torch
        return False
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_f")) and "AMD" in str(found.get("cpu_name"))


class Dense(nn.Linear):
    """``nn.Linear``, whose larger products of float32 matrices on the CPU are oneDNN's."""

    def forward(self, input: Tensor) -> Tensor:
        """Float[…, out_features]."""
        return dense(input, self.weight, self.bias)


def dense(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``functional.linear``: inputs [n, in], weight [out, in] and bias [out] to [n, out].

    By oneDNN where :data:`LEAST` is reached, gradients too; a gradient that is to be differentiated itself is torch's
    own, and so is everything under autocast, ``torch.compile`` and ``torch.func``.
    """
    if not _fits(inputs, weight):
        return functional.linear(inputs, weight, bias)
    if not torch.is_grad_enabled():
        return _product(inputs, weight, bias)
    found: Tensor = _Dense.apply(inputs, weight.t(), bias)  # type: ignore[no-untyped-call]
    return found


def _fits(inputs: Tensor, weight: Tensor) -> bool:
    return (
        inputs.dim() == 2
        and inputs.numel() * weight.shape[0] >= LEAST
        and inputs.dtype == weight.dtype == torch.float32
        and inputs.device.type == "cpu"
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
    )


def _product(inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    found: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, bias, "none", [], "")
    return found


class _Dense(torch.autograd.Function):
    """Takes the weight transposed, so that it is no leaf, of which the engine would not say if its gradient is due."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, across: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(inputs, across)
        return _product(inputs, across.t(), bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, across = ctx.saved_tensors
        of_inputs, of_weight, of_bias = ctx.needs_input_grad
        if of_weight and not torch._C._will_engine_execute_node(ctx.next_functions[1][0]):
            of_weight = of_bias = False  # as of a discriminator that only passes the generator's gradient on
        multiply = torch.matmul if torch.is_grad_enabled() else _product_of  # a gradient that is to be differentiated
        return (
            multiply(gradient, across.t()) if of_inputs else None,
            multiply(gradient.t(), inputs).t() if of_weight else None,  # as optimisers would have it in memory
            gradient.sum(0) if of_bias else None,
        )


def _product_of(left: Tensor, right: Tensor) -> Tensor:
    return _product(left, right.t(), None)
