"""A short run of all fuzzers, the same every time; CONTRIBUTING.md says how to run long ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys; sys.path.insert(0, sys.argv[1])
import cases, flip_bits, fuzz_files, fuzz_yaml
resumed, looked = flip_bits.flips(4, seed=0)
sys.exit(not all([
    flip_bits.report("resume", resumed), flip_bits.report("look", looked),
    cases.report("files", fuzz_files.fuzz(6, seed=0, study=False)),
    cases.report("yaml", fuzz_yaml.fuzz(20, seed=0)),  # last: from here on no trainer does a step
]))
"""
"""In one process of its own: the libraries are imported once, and the cases are forked from it."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_file_ends_in_a_traceback_a_hang_or_silence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(Path(__file__).parent)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"{name}: " in done.stdout for name in ("resume", "look", "files", "yaml"))
