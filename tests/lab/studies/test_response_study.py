"""A phase-response study from its file to its page: the arms it makes, what it refuses, and what it says."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.cli.main import main
from lab.errors import UserError
from lab.studies.model import ResponseConfig, load_study
from lab.studies.page import markdown
from lab.studies.result import TrialResult
from lab.studies.sentences import verdict_line
from lab.studies.summary import summarise
from lab.training.config import dump, load_yaml

RESPONSE = """
hypothesis: it matters when the steps are large
trainer: tiny
preset: parabola
seeds: 4
set: {device: cpu, noise: 0.5, voices.lr: {wave: cosine, low: 0.01, high: 0.4}}
response: {voice: lr, offsets: 4}
metric: closeness
direction: higher
"""


@pytest.fixture
def response_file(tmp_path: Path) -> Path:
    path = tmp_path / "slide.yaml"
    path.write_text(RESPONSE)
    return path


def test_the_arms_are_the_offsets_and_the_record_reads_back(response_file: Path, tmp_path: Path) -> None:
    study = load_study(response_file)
    assert list(study.arms) == ["offset-0", "offset-0.25", "offset-0.50", "offset-0.75"]
    assert study.changes("offset-0.75", 3)["voices.lr.offset"] == 0.75
    (tmp_path / "again.yaml").write_text(dump(study))
    assert load_yaml(tmp_path / "again.yaml")["arms"] == study.arms
    assert load_study(tmp_path / "again.yaml") == study


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("response.offsets=2", "response.offsets: 2 is not accepted"),
        ("response.voise=lr", "response.voise: unknown key"),
        ("arms={a: {}}", "it makes the arms and compares them all; leave arms and compare out"),
        ("compare=[[offset-0, offset-0.25]]", "leave arms and compare out"),
        ("response.voice=rl", "voices.rl.offset: no such voice (accepted: lr)"),
        ("set.voices.lr=0.1", "voices.lr is 0.1, which has no 'offset' in it"),
        ("set.clock={period: 30}", "make steps (40) a whole number of its cycles"),
    ],
)
def test_what_cannot_be_slid_is_one_line(
    change: str, said: str, response_file: Path, tiny: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["study", str(response_file), "--dry-run", "--results", str(tmp_path / "r"), "--set", "set.steps=40"]
    assert main([*words, "--set", change]) == 2
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def results(study, values: dict[str, list[float]]) -> list[TrialResult]:
    return [
        TrialResult(arm, seed, "finished", scores={"closeness": value})
        for arm, of in values.items()
        for seed, value in enumerate(of)
        if value is not None
    ]


def test_a_clear_response_and_none_are_told_in_a_sentence(response_file: Path) -> None:
    study = load_study(response_file, ["seeds=6"])
    noise = [0.01, -0.02, 0.03, -0.01, 0.02, 0.0]
    clear = {arm: [level + n * (1 + place) for n in noise] for place, (arm, level) in
             enumerate(zip(study.arms, (0.5, 0.9, 0.5, 0.1), strict=True))}  # fmt: skip
    summary = summarise(study, results(study, clear))
    assert summary.verdict == "supported"
    line = verdict_line(summary)
    assert line.startswith("Supported: closeness depends on the phase of lr (p = ")
    assert "best 0.25 of a cycle ahead [0.2" in line
    page = markdown(summary, "lab study slide", [], "here")
    assert "## Phase response" in page
    for expects, verdict in ((0.25, "supported"), (0.2, "supported"), (0.4, "not supported"), (0.75, "not supported")):
        stated = load_study(response_file, ["seeds=6", f"response.expects={expects}"])
        asked = summarise(stated, results(stated, clear))
        assert asked.verdict == verdict
    line = verdict_line(asked)
    assert line.startswith("Not supported: closeness depends on the phase of lr (p = ")
    assert line.endswith(", where 0.75 was expected.")
    assert json.loads(json.dumps(summary.to_json()))["response"]["phase"] == pytest.approx(0.25, abs=0.02)
    flat = {arm: [0.5 + n * (-1) ** place for n in noise] for place, arm in enumerate(study.arms)}
    line = verdict_line(summarise(study, results(study, flat)))
    assert line.startswith("Unclear: no effect of the phase of lr on closeness was found (6 seeds, p = ")


def test_a_seed_counts_only_where_all_its_offsets_finished(response_file: Path) -> None:
    study = load_study(response_file)
    values = {arm: [1.0, 2.0, 3.0, 4.0] for arm in study.arms}
    values["offset-0.25"] = [1.0, None, 3.0, 4.0]  # type: ignore[list-item]
    found = summarise(study, results(study, values)).response
    assert found is not None
    assert found.seeds == 3
    nothing = summarise(study, [])
    assert nothing.response is None
    assert verdict_line(nothing) == "Unclear: no seed has a score at every offset."


def test_it_runs_and_leaves_its_figure(
    response_file: Path, tiny: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    assert main(["study", str(response_file), "--results", str(results), "--jobs", "2"]) == 0
    assert "of the phase of lr" in capfd.readouterr().out.replace("\n", " ").replace("on the", "of the")
    summary = json.loads((results / "slide" / "summary.json").read_text())
    assert summary["response"]["seeds"] == 4
    assert (results / "slide" / "figures" / "response.png").stat().st_size > 10_000
    assert "figures/response.png" in (results / "slide" / "summary.md").read_text()


def test_a_phase_that_is_hardly_known_is_not_near_the_expected_one(response_file: Path) -> None:
    study = load_study(response_file, ["seeds=6", "response.expects=0.25"])
    scores = np.array((0.5, 1.0, 0.5, 0.0)) + np.random.default_rng(1).normal(0, 0.7, (6, 4))
    loose = dict(zip(study.arms, scores.T.tolist(), strict=True))
    summary = summarise(study, results(study, loose))
    assert summary.response is not None
    assert summary.response.p < 0.05
    assert summary.verdict == "unclear"
    assert "too wide to say whether near the 0.25" in verdict_line(summary)


def test_a_phase_at_which_runs_fail_is_not_called_the_best(response_file: Path) -> None:
    """What finished there flatters it."""
    study = load_study(response_file, ["seeds=6"])
    clear = {
        arm: [level + n / 100 for n in range(6)] for arm, level in zip(study.arms, (0.5, 0.9, 0.5, 0.1), strict=True)
    }
    found = results(study, clear)
    failing = [
        TrialResult(t.arm, t.seed, "failed", "loss is nan") if (t.arm, t.seed % 2) == ("offset-0.25", 1) else t
        for t in found
    ]
    summary = summarise(study, failing)
    assert summary.verdict == "unclear"
    assert "offset-0.25 failed at 3 seeds, others at fewer" in verdict_line(summary)
    everywhere = [TrialResult(t.arm, t.seed, "failed", "a full disk") if t.seed == 1 else t for t in found]
    assert summarise(study, everywhere).verdict == "supported"


def test_a_study_error_is_the_users(response_file: Path) -> None:
    with pytest.raises(UserError, match="response"):
        load_study(response_file, ["response=3"])


@given(st.floats(0, 0.999), st.floats(-0.5, 1.5), st.floats(0, 0.49))
def test_near_is_an_eighth_for_the_whole_interval_and_a_sixteenth_for_any_of_it(
    expects: float, middle: float, half: float
) -> None:
    distance = abs((expects - middle + 0.5) % 1.0 - 0.5)
    near = ResponseConfig(voice="lr", offsets=8, expects=expects).near((middle - half, middle + half))
    if abs(distance - half - 1 / 16) > 1e-6 and abs(distance + half - 1 / 8) > 1e-6:
        assert near is (False if distance - half > 1 / 16 else True if distance + half < 1 / 8 else None)
