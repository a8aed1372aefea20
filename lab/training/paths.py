"""Where results and data lie: an argument, else an environment variable, else the default."""

from __future__ import annotations

import os
from pathlib import Path


def results_root(arg: str | Path | None = None) -> Path:
    """The directory of studies and runs: ``arg``, else ``$LAB_RESULTS``, else ``results`` in the working directory."""
    return Path(arg or os.environ.get("LAB_RESULTS") or "results").expanduser()


def runs_root(arg: str | Path | None = None) -> Path:
    """The directory of run directories: ``runs`` under :func:`results_root`."""
    return results_root(arg) / "runs"


def data_root(arg: str | Path | None = None) -> Path:
    """The directory of data sets: ``arg``, else ``$LAB_DATA``, else ``~/.cache/phase-lab``. It need not exist yet."""
    return Path(arg or os.environ.get("LAB_DATA") or "~/.cache/phase-lab").expanduser()
