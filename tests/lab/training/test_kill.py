"""`kill -9` at any instant, then going on, ends with the same bits and the same metrics as a run never killed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PRESET = """
steps: {steps}
clock: {{period: 50}}
voices: {{lr.net: {{wave: cosine, low: 1e-4, high: 1e-2}}}}
log_every: 7
evaluate_every: 20
checkpoint_every: 15
"""


def remains(tmp_path: Path, steps: int, *words: str) -> list[dict[str, Any]]:
    preset = tmp_path / "preset.yaml"
    preset.write_text(PRESET.format(steps=steps))
    command = [sys.executable, str(HERE / "killing.py"), str(tmp_path / "runs"), str(preset), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_all_alike(found: list[dict[str, Any]]) -> None:
    whole, *killed = ({name: value for name, value in each.items() if name != "kills"} for each in found)
    for each in killed:
        assert each == whole


@pytest.mark.slow
def test_random_instants(tmp_path: Path) -> None:
    found = remains(tmp_path, 400, "random", "10", "1")
    assert found[1]["kills"] == 10
    assert_all_alike(found)


@pytest.mark.slow
def test_before_each_operation_on_a_file(tmp_path: Path) -> None:
    found = remains(tmp_path, 40, "calls", "5")
    assert len(found) > 12
    assert_all_alike(found)
