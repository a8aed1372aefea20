"""The demonstration with everything made small: the same commands, files and table."""

from pathlib import Path

import pytest
import yaml

from lab.cli import demo
from lab.cli.main import main
from lab.studies import model
from lab.supervised import judge
from lab.supervised.classifier import ClassifierConfig
from lab.training.plugins import preset_path, trainer

SMALL = {"steps": 100, "evaluate_every": 50, "evaluation_samples": 100, "snapshot_every": 50, "log_every": 50}


@pytest.fixture
def small_demo(tmp_path, monkeypatch):
    """Shrinks the shipped studies, the image preset and its judge, and says where the demo then writes."""
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    for name in demo.STUDIES:
        study = yaml.safe_load((model.SHIPPED / f"{name}.yaml").read_text())
        study["seeds"] = 1
        if name == "ring-demo":
            study["set"] |= {**SMALL, "clock": {"period": 50}, "device": "cpu"}
        else:
            study["set"] |= {"steps": 4096, "evaluate_every": 2048, "clock": {"period": 2048}, "device": "cpu"}
            study["set"] |= {"evaluation.episodes": 1}
        (shipped / f"{name}.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    preset = yaml.safe_load(preset_path(trainer("gan"), demo.PRESET).read_text())
    preset |= {**SMALL, "clock": {"period": 50}, "device": "cpu"}
    small = tmp_path / "digits.yaml"
    small.write_text(yaml.safe_dump(preset, sort_keys=False))
    monkeypatch.setattr(model, "SHIPPED", shipped)
    monkeypatch.setattr(demo, "PRESET", str(small))
    monkeypatch.setattr(demo, "CHANGES", {})
    monkeypatch.setitem(judge.CONFIGS, "digits", ClassifierConfig(epochs=1))
    return tmp_path / "results"


@pytest.mark.slow
def test_the_demo_leaves_studies_a_run_one_table_and_a_report(small_demo: Path, tmp_path, capfd, monkeypatch):
    words = ["demo", "--jobs", "2", "--results", str(small_demo), "--data-dir", str(tmp_path / "data")]
    assert main(words) == 0
    printed, shown = capfd.readouterr()
    for name in ("faster-discriminator", "quadrature", "curriculum", "plain", "demo-digits", "ema/frechet"):
        assert name in printed
    report = small_demo / "demo" / "report.html"
    assert str(report) in printed
    page = report.read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert page.count("data:image/png") >= 4
    lead = page[page.index('id="part-1"') :]
    assert lead.index("Verdict:") < lead.index("<img") < lead.index("<table")
    for name in demo.STUDIES:
        assert (small_demo / name / "summary.md").is_file()
        assert list((small_demo / name / "figures").glob("*.png"))
    assert "[1/4] lab study ring-demo" in shown
    logs = {path: path.read_bytes() for path in small_demo.rglob("metrics.jsonl")}
    assert len(logs) == 6

    _shipped_broken(monkeypatch)
    assert main(words) == 1
    printed, shown = capfd.readouterr()
    assert "1 trial has no score: faster-discriminator-s0 of ring-broken" in shown
    assert "report:" in printed
    assert {path: path.read_bytes() for path in logs} == logs, "nothing runs twice"


def _shipped_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ships, as the demo's only study, one whose second arm fails."""
    study = yaml.safe_load((model.SHIPPED / "ring-demo.yaml").read_text())
    del study["arms"]["quadrature"]
    study["arms"]["faster-discriminator"]["voices.lr.discriminator"] = 1.0e30
    (model.SHIPPED / "ring-broken.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    monkeypatch.setattr(demo, "STUDIES", ("ring-broken",))
