"""The benchmarks of the classifier's trainer: what is compared exists, and the commands print ratios."""

from __future__ import annotations

import json

import pytest

from lab.cli.main import main
from lab.supervised import bench
from lab.supervised.config import SupervisedConfig
from lab.techniques import TECHNIQUES
from lab.training.config import load_yaml, resolve


def test_every_technique_is_measured() -> None:
    assert set(bench.RIDING) == set(TECHNIQUES.listed)


@pytest.mark.parametrize("word", bench.RIDING)
@pytest.mark.parametrize("on", bench.WORKLOADS)
def test_a_technique_is_measured_as_it_may_be_configured(word: str, on: str) -> None:
    techniques, voices = bench.RIDING[word]
    preset = load_yaml(bench.PRESETS / f"{on}.yaml")
    sets = {"techniques": techniques, "voices": {"lr": bench.CYCLE, **voices}, "clock": {"period": 1000}}
    assert [part.word for part in resolve(SupervisedConfig, preset, sets).techniques] == [word]


def test_the_cost_of_a_technique_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "RIDING", {"average": bench.RIDING["average"]})
    monkeypatch.setattr(bench, "WORKLOADS", {"digits": 5})
    assert main(["bench", "techniques", "--short", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["workloads"]["average, digits"]
    assert found["percent"] == pytest.approx(100 / found["ratio"] - 100, abs=0.06)
    assert main(["bench", "techniques", "--short", "--check", "50"]) == 1
