"""Which device a run uses, how many threads, and what to call them in the provenance."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

from lab.errors import UserError

MOST_THREADS = 1024


def resolve_device(name: str = "auto") -> torch.device:
    """The device called ``name``; ``auto`` is the GPU where there is one.

    Raises:
        UserError: the name is unknown, or CUDA was asked for and there is none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UserError(f"device: {name!r} is not known; accepted: auto, cpu, cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: 'cuda' was asked for, but torch sees no CUDA device; accepted here: auto, cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def device_name(device: torch.device) -> str:
    """The model of the GPU or processor, for people to read."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def cpu_name() -> str:
    """The processor's model where the system tells it, else its architecture."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the device or the machine has no memory left."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def set_threads(threads: int | None) -> int:
    """Let torch use ``threads`` CPU threads (``None``: as it is) and return how many it uses.

    A sum split over another number of threads rounds differently, so a resume sets the number the run began with.
    """
    if threads is not None:
        if not 1 <= threads <= MOST_THREADS:
            raise UserError(f"threads: {threads} is not accepted; expected 1 to {MOST_THREADS}")
        torch.set_num_threads(threads)
    return torch.get_num_threads()
