"""The figure of recalls: of one run every predictor, of several each arm, and words for who cannot see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from lab.supervised.figures import draw


def run(path: Path, tail: float, **changes: Any) -> Path:
    path.mkdir()
    config = {"seed": 0, "steps": 100, "clock": {"period": 50}, "voices": {"lr": 0.1}, **changes}
    (path / "config.yaml").write_text(yaml.safe_dump(config))
    (path / "provenance.json").write_text('{"trainer": "supervised", "preset": "made-up", "seed": 0}')
    rows = [{"recall/0": 0.9, "recall/1": tail * step / 100, "average/recall/1": tail} for step in (50, 100)]
    lines = [
        json.dumps({"step": step, **{f"evaluation/{name}": value for name, value in row.items()}}) + "\n"
        for step, row in zip((50, 100), rows, strict=True)
    ]
    (path / "metrics.jsonl").write_text("".join(lines))
    return path


def test_of_one_run_each_predictor_is_drawn(tmp_path: Path) -> None:
    (saved,) = draw([run(tmp_path / "a", 0.25)], tmp_path / "out", ["recall"])
    assert saved.path.name == "recall.png"
    assert saved.path.stat().st_size > 5000
    assert "network is worst at class 1 with 0.25; average is worst at class 1 with 0.25" in saved.alt


def test_of_several_arms_each_is_a_line(tmp_path: Path) -> None:
    runs = [run(tmp_path / "a", 0.25), run(tmp_path / "b", 0.5, steps=200)]
    (saved,) = draw(runs, tmp_path / "out", ["recall"])
    assert "a is worst at class 1 with 0.25; b is worst at class 1 with 0.5" in saved.alt


def test_recalls_have_no_panels_among_the_scores(tmp_path: Path) -> None:
    assert draw([run(tmp_path / "a", 0.25)], tmp_path / "out", ["scores"]) == []


def test_without_recalls_there_is_no_figure(tmp_path: Path) -> None:
    path = run(tmp_path / "a", 0.25)
    (path / "metrics.jsonl").write_text('{"step": 50, "evaluation/accuracy": 0.9}\n')
    assert draw([path], tmp_path / "out", ["recall"]) == []
