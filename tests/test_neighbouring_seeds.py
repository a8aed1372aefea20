"""Environment i of seed s begins as SB3's do, with s + i: seeds that are neighbours must not score alike for that."""

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

STUDIES = Path(__file__).resolve().parent.parent / "results"


def arms() -> list[list[float]]:
    """The scores of every arm of every RL study that are not all equal, in the order of the seeds."""
    found = []
    for trials in sorted(STUDIES.glob("*/trials.csv")):
        said = yaml.safe_load(trials.with_name("study.yaml").read_text())
        if said["trainer"] != "rl":
            continue
        rows = list(csv.DictReader(trials.open()))
        for arm in sorted({row["arm"] for row in rows}):
            own = sorted((row for row in rows if row["arm"] == arm), key=lambda row: int(row["seed"]))
            scores = [float(row[said["metric"]]) for row in own if row[said["metric"]]]
            if len(scores) >= 5 and len(set(scores)) > 1:
                found.append(scores)
    return found


def excess(scores: list[float]) -> float:
    """The autocorrelation of neighbours above that of exchangeable numbers, -1/n."""
    away = np.array(scores) - np.mean(scores)
    return float((away[1:] * away[:-1]).sum() / (away**2).sum()) + 1 / len(scores)


def test_neighbouring_seeds_do_not_score_alike() -> None:
    found = [excess(scores) for scores in arms()]
    assert len(found) > 100
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(len(found))
    assert np.mean(found) < 0.1


def test_seeds_that_are_alike_would_be_seen() -> None:
    steps = np.random.default_rng(0).normal(size=(100, 11))
    assert np.mean([excess((row[1:] + row[:-1]).tolist()) for row in steps]) == pytest.approx(0.4, abs=0.1)
