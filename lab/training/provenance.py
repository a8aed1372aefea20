"""What produced a run: command, versions, source commit, device, threads. Written at the start and at each resume."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.training.device import device_name
from lab.training.parts import origin

if TYPE_CHECKING:
    import torch

SOURCE = Path(__file__).resolve().parents[2]
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "gymnasium", "stable-baselines3", "safetensors", "pydantic")


def record(device: torch.device, threads: int, data_dir: Path, own: Sequence[str] = ()) -> dict[str, Any]:
    """The circumstances of this process, as JSON data.

    Args:
        device, threads: what it computes with.
        data_dir: where data sets lie.
        own: modules of the user's own that the configuration brought parts from.
    """
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": package_version("phase-lab"),
        "git": git_commit(SOURCE),
        "packages": packages(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device.type,
        "device_name": device_name(device),
        "threads": threads,
        "data_dir": str(data_dir.absolute()),
        **({"own": [origin(module) for module in own]} if own else {}),
    }


def packages() -> dict[str, str | None]:
    """The versions of what computes."""
    return {name: package_version(name) for name in PACKAGES}


def package_version(name: str) -> str | None:
    """An installed distribution's version, ``None`` where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def git_commit(root: Path) -> dict[str, Any] | None:
    """Commit of a source checkout and whether files differ from it; ``None`` where ``root`` is no checkout."""
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": dirty}


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
