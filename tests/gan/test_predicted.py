"""What spectra predict of a study's cycles: by the map of each constant run, and beside what the study recorded."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.stats import spearmanr

from gan.cosines import Cosines
from gan.foretelling import Asked, foretell
from gan.kept import newest
from gan.predicted import Cell, agreement, predict
from gan.spectrum import measure
from lab.cli.main import main
from lab.errors import UserError
from lab.reports.study import read_study
from lab.training.run import Run

SMALL = "{network: mlp, width: 3, depth: 1}"
RATE = "{{wave: cosine, clock: {{period: {0}}}, low: 0.1, high: 1.9, mean: 0.01, offset: {1}}}"
CYCLES = {"fast": (5, 0.0), "slow": (20, 0.0), "anti": (20, 0.5)}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 40 steps: constant rates and three cycles, two seeds."""
    place = tmp_path_factory.mktemp("study")
    arms = {
        name: {
            "voices.lr.generator": yaml.safe_load(RATE.format(period, offset)),
            "voices.lr.discriminator": yaml.safe_load(RATE.format(period, 0.0)),
        }
        for name, (period, offset) in CYCLES.items()
    }
    stated = {
        "title": "Small", "hypothesis": "none", "trainer": "gan", "preset": "ring", "seeds": 2, "metric": "ema/good",
        "direction": "higher", "compare": [["slow", "constant"]],
        "set": {
            "steps": 40, "clock": {"period": 20}, "evaluate_every": 10, "checkpoint_every": 40, "batch_size": 32,
            "generator": yaml.safe_load(SMALL), "discriminator": yaml.safe_load(SMALL), "optimizer": {"name": "sgd"},
            "voices": {"lr.generator": 0.01, "lr.discriminator": 0.01},
        },
        "arms": {"slow": arms["slow"], "constant": {}, "fast": arms["fast"], "anti": arms["anti"]},
    }  # fmt: skip
    (place / "small.yaml").write_text(yaml.safe_dump(stated, sort_keys=False))
    assert main(["study", str(place / "small.yaml"), "--jobs", "1", "--results", str(place)]) == 0
    return place / "small"


def test_each_cycle_is_predicted_from_each_constant_run(study: Path) -> None:
    found = predict(read_study(study))
    assert [cell.arm for cell in found.cells] == ["constant", "slow", "fast", "anti"]
    assert found.left == {}
    runs = [Run.open(study.parent / "runs" / "small" / f"constant-s{seed}") for seed in (0, 1)]
    for place, run in enumerate(runs):
        trainer = newest(run)
        spectrum = measure(trainer)
        assert np.allclose(spectrum.moves, found.spectra[place].moves)
        for cell in found.cells[1:]:
            period, offset = CYCLES[cell.arm]
            assert cell.cycle == Cosines(period, pytest.approx(0.9), offset)
            foretold, _ = foretell(trainer.config, spectrum, Asked(0.9, period, offset))
            assert foretold is not None
            assert cell.predicted[place] == pytest.approx(foretold.floquet.growth_per_step, abs=1e-7)


def test_what_was_observed_is_what_the_study_recorded(study: Path) -> None:
    read = read_study(study)
    for cell in predict(read).cells:
        assert cell.observed.tolist() == list(read.arms[cell.arm]["ema/good"]["values"].values())


def test_the_command_writes_page_numbers_and_figure(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gan", "stability", "small", "--results", str(study.parent)]) == 0
    said = capsys.readouterr().out.splitlines()[0]
    page = (study / "stability.md").read_text()
    assert said in page
    assert "| slow | 20 | 0 |" in page
    assert len((study / "stability.csv").read_text().splitlines()) == 1 + 4 * 2
    assert (study / "figures" / "predicted.png").is_file()


def _cells(predicted: np.ndarray, observed: np.ndarray) -> list[Cell]:
    wave = Cosines(10, 0.9, 0.0)
    return [Cell(str(place), wave, *both) for place, both in enumerate(zip(predicted, observed, strict=True))]


def test_the_rank_correlation_and_its_interval() -> None:
    rng = np.random.default_rng(0)
    predicted = np.arange(12.0)[:, None] + rng.normal(size=(12, 6))
    observed = -np.arange(12.0)[:, None] + 4 * rng.normal(size=(12, 6))
    found = agreement(_cells(predicted, observed), np.random.default_rng(1))
    assert found.rho == pytest.approx(spearmanr(np.median(predicted, axis=1), observed.mean(axis=1)).statistic)
    assert found.low < found.rho < found.high < 0
    assert found == agreement(_cells(predicted, observed), np.random.default_rng(1))


def test_one_seed_has_no_interval_and_two_cycles_no_correlation() -> None:
    alone = _cells(np.arange(4.0)[:, None], np.arange(4.0)[:, None])
    assert agreement(alone, np.random.default_rng(0)).rho == pytest.approx(1.0)
    assert np.isnan(agreement(alone, np.random.default_rng(0)).low)
    assert np.isnan(agreement(_cells(np.ones((4, 3)), np.ones((4, 3))), np.random.default_rng(0)).rho)
    with pytest.raises(UserError, match="2 cycles have no rank correlation"):
        agreement(alone[:2], np.random.default_rng(0))


def test_a_study_without_constant_rates_is_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "summary.json").write_bytes((study / "summary.json").read_bytes())
    assert main(["gan", "stability", "small", "--results", str(tmp_path)]) == 2
    assert "one arm of constant rates is needed, with its runs beside it; found: none" in capsys.readouterr().err


def test_what_says_nothing_of_the_constant_game_is_left_out(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "small")
    shutil.copytree(study.parent / "runs" / "small", tmp_path / "runs" / "small")
    runs = tmp_path / "runs" / "small"
    shutil.rmtree(runs / "constant-s0")
    shutil.rmtree(runs / "fast-s0")
    shutil.rmtree(runs / "fast-s1")
    for seed in (0, 1):
        config = runs / f"anti-s{seed}" / "config.yaml"
        config.write_text(config.read_text().replace("mean: 0.01", "mean: 0.02"))
    found = predict(read_study(tmp_path / "small"))
    assert [cell.arm for cell in found.cells] == ["constant", "slow"]
    assert list(found.left) == ["fast", "anti"]
    assert list(found.spectra) == [1]
    whole = predict(read_study(study))
    for mine, theirs in zip(found.cells, whole.cells, strict=False):
        assert (mine.arm, mine.predicted[0], mine.observed[0]) == (theirs.arm, theirs.predicted[1], theirs.observed[1])
