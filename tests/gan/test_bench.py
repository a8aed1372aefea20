"""What `lab bench gan` measures, and where."""

from __future__ import annotations

import pytest
import torch

from gan import bench
from lab.cli.main import main


def test_it_measures_a_gpu_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "WORKLOADS", {"ring": 2})
    device = "cuda" if torch.cuda.is_available() else "cpu"
    assert main(["bench", "gan", "--short", "--device", device]) == 0
    assert "times as fast" in capsys.readouterr().out
    if device == "cpu":
        assert main(["bench", "gan", "--device", "cuda"]) == 2
        assert capsys.readouterr().err == "lab: --device cuda: torch sees no CUDA device; accepted here: cpu\n"


def test_a_long_measurement_passes_the_ends_of_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "WORKLOADS", {"ring": 200})  # the preset's cycle is of 1,000 steps
    found = bench.measure(short=True)["workloads"]["ring"]
    assert found["blocks"] == 9
    assert found["ratio"] > 0
