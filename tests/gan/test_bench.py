"""What `lab bench gan` measures, and where."""

from __future__ import annotations

import json

import pytest
import torch

from gan import bench
from gan.trainer import GanTrainer
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


def test_the_cost_of_diagnostics_is_measured_beside_training_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded: list[tuple[int, bool]] = []
    metrics = GanTrainer.metrics

    def read(trainer: GanTrainer) -> dict[str, float]:
        row = metrics(trainer)
        assert trainer.config.diagnostics == ("distance/generator" in row)
        recorded.append((trainer.step, "singular_value/generator/0" in row))
        return row

    monkeypatch.setattr(GanTrainer, "metrics", read)
    monkeypatch.setattr(bench, "DIAGNOSED", {"ring": 4})
    assert main(["bench", "gan", "--diagnostics", "--short", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["workloads"]["ring"]
    assert recorded == [(step, due and step % 100 == 0) for step in range(50, 501, 50) for due in (True, False)]
    assert found["blocks"] == 4
    assert found["percent"] == pytest.approx(100 / found["ratio"] - 100, abs=0.06)
    assert main(["bench", "gan", "--diagnostics", "--short", "--check", "9"]) == 1
    shown = capsys.readouterr()
    assert "ring: costs " in shown.out
    assert "lab bench: ring: " in shown.err


def test_a_trainer_without_diagnostics_measures_no_cost(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "rl", "--diagnostics"])
    assert capsys.readouterr().err == "lab: unrecognized arguments: --diagnostics (see lab --help)\n"
