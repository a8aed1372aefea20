"""A short run of each fuzzer, the same every time; CONTRIBUTING.md says how to run long ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("words", [["fuzz_yaml.py", "--n", "40"], ["fuzz_files.py", "--n", "20", "--no-study"], ["flip_bits.py", "--n", "16"]], ids=lambda words: words[0])  # fmt: skip
def test_no_file_ends_in_a_traceback_a_hang_or_silence(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / words[0]), *words[1:]],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
