"""The arithmetic of the players' passes in training: float32, or bfloat16 where the last bits matter little.

Under bfloat16 convolutions and matrix products take numbers of 8 significant bits; weights, gradients, losses,
statistics, averages and optimisers stay float32, and so do scores and samples. A pass that a penalty differentiates
twice stays float32 as well: a slope is a small difference, of which 8 bits leave little.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

Precision = Literal["float32", "bfloat16"]
X86 = ("x86_64", "amd64")
Passes = Callable[[], AbstractContextManager[object]]
"""Makes a context for one pass. An autocast for several would keep the weights cast for one without gradients."""


def passes(precision: Precision, device: torch.device) -> Passes:
    """The contexts in which a network's passes are of this precision."""
    return nullcontext if precision == "float32" else partial(torch.autocast, device.type, dtype=torch.bfloat16)


def lay_out(network: nn.Module, precision: Precision, device: torch.device) -> None:
    """Put the weights of convolutions in the order in memory that suits, which their images follow.

    Channels last is what the matrix units of a GPU read without reordering. On a CPU it helps some networks and harms
    others (SNGAN at 8×8 pixels takes 0.7 of the time, R3GAN at 28×28 1.3), so they stay as they are.
    """
    if precision == "bfloat16" and device.type == "cuda":
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs lack it


def is_native(device: torch.device) -> bool:
    """Whether the processor multiplies bfloat16 itself; elsewhere it takes longer than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if platform.machine().lower() in X86:  # oneDNN's answer is yes for every AVX-512, and most only imitate it
        return bool(torch.cpu._is_avx512_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def at_least_float(tensor: Tensor) -> Tensor:
    """In float32 where it has fewer bits; one in double precision stays so."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
