"""A run's memory does not grow with its steps."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GROWTH = 8
"""MiB that a longer run may need more at its peak: what Python's and torch's allocators happen to hold."""


def peak(steps: int, results: Path) -> float:
    """MiB that `lab gan train ring` has at most, with log, scores, checkpoints and snapshots as they come."""
    command = [sys.executable, "-m", "lab.cli.main", "gan", "train", "ring", "--quiet", "--results", str(results)]
    with subprocess.Popen([*command, "--set", f"steps={steps}"], env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss / 1024


@pytest.mark.timeout(3600)
def test_a_hundred_thousand_steps_need_what_ten_thousand_need(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    if not pytestconfig.getoption("--exhaustive"):
        pytest.skip("takes minutes; run with --exhaustive")
    short, long = peak(10_000, tmp_path / "short"), peak(100_000, tmp_path / "long")
    print(f"{short:.0f} MiB after 10,000 steps, {long:.0f} MiB after 100,000")
    assert long < short + GROWTH
