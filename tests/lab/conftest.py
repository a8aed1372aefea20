"""Makes the toy trainer of tests/lab/training importable, and installs it for tests of the command line."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from forked import Forker

TOY = Path(__file__).parent / "training"
sys.path.insert(0, str(TOY))


@pytest.fixture
def lab(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the `lab` command in ``tmp_path``, with the trainer ``toy`` and a broken one installed."""
    info = tmp_path / "site" / "toy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[phaselab.trainers]\ntoy = toy_plugin:PLUGIN\nwrecked = no_such_module:PLUGIN\n"
    )
    path = os.pathsep.join(filter(None, (str(tmp_path / "site"), str(TOY), os.environ.get("PYTHONPATH"))))
    env = os.environ | {"PYTHONPATH": path, "LAB_RESULTS": str(tmp_path / "results"), "OMP_NUM_THREADS": "1"}

    def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lab.cli.main", *words]
        return subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=120, **options)  # type: ignore[call-overload,no-any-return]

    run.env = env  # type: ignore[attr-defined]
    return run


@pytest.fixture
def forked_lab(
    lab: Callable[..., subprocess.CompletedProcess[str]], forker: Forker, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """As ``lab``, for what a command does rather than how a process begins and ends: it need not import torch."""
    return lambda *words: forker.run(words, lab.env, tmp_path)  # type: ignore[attr-defined]
