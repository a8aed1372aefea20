"""Claims: data that is checked, findings computed from trials alone, and a small version that agrees or not."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from lab.cli.main import main
from lab.door.yamls import dump_yaml, parse
from lab.errors import UserError
from lab.studies.claims import Claim, load_claims
from lab.studies.claims_table import BEGIN, END, claims_table, counts, markdown_of, update
from lab.studies.conduct import Conditions
from lab.studies.curves import curves, seed_spread
from lab.studies.finding import find_out
from lab.studies.model import load_study
from lab.studies.result import TrialResult
from lab.studies.store import Store
from lab.studies.verify import compare, small_version, verify

SEEDS = 8
COMPARED = {
    "hypothesis": "b beats a, and c does not", "trainer": "gan", "preset": "ring", "seeds": SEEDS,
    "arms": {"a": {}, "b": {}, "c": {}}, "metric": "good", "direction": "higher", "compare": [["b", "a"], ["c", "a"]],
}  # fmt: skip
SLID = {
    "hypothesis": "it matters", "trainer": "gan", "preset": "ring", "seeds": SEEDS,
    "response": {"voice": "lr.generator", "offsets": 4}, "metric": "good", "direction": "lower",
}  # fmt: skip


def claim(**fields: object) -> Claim:
    return Claim.model_validate({"name": "c", "statement": "b beats a", "study": "s", "verify": {"seeds": 3}} | fields)


def write(results: Path, name: str, study: dict, of, status="finished", score="good") -> None:
    """A study's results; ``of`` gives the score from the arm's place and the seed."""
    directory = results / name
    directory.mkdir(parents=True)
    (directory / "study.yaml").write_text(dump_yaml({"name": name, **study}))
    arms = load_study(directory / "study.yaml").arms
    Store(directory).write_trials(
        [
            TrialResult(arm, seed, status, "", {score: of(place, seed)} if status == "finished" else {})
            for seed in range(SEEDS)
            for place, arm in enumerate(arms)
        ]
    )


def noise(place: int, seed: int) -> float:
    return ((7 * seed + 3 * place) % 11) / 50


def better_b(place: int, seed: int) -> float:
    return seed + (1.0 if place == 1 else -1.0 if place == 2 else 0.0) + noise(place, seed)


def wave(place: int, seed: int) -> float:
    """Lower is better: best at the offset 0.25."""
    return seed - math.sin(2 * math.pi * place / 4) + noise(place, seed) / 10


def test_the_verdict_is_that_of_the_named_comparison(tmp_path: Path) -> None:
    write(tmp_path, "s", COMPARED, better_b)
    first, second = find_out([claim(), claim(compare=["c", "a"])], tmp_path)
    assert (first.state, second.state) == ("supported", "not supported")
    assert first.effect is not None
    assert 0.9 < first.effect.size < 1.1
    assert first.effect.interval.low < first.effect.size < first.effect.interval.high
    assert (first.effect.p, first.effect.seeds) == (2 * 2.0**-SEEDS, SEEDS)  # Holm's correction over both comparisons


def test_seeds_that_were_added_after_looking_are_told_beside_the_verdict(tmp_path: Path) -> None:
    write(tmp_path, "s", {**COMPARED, "seeds_stated": list(range(SEEDS - 2))}, better_b)
    (found,) = find_out([claim()], tmp_path)
    said = "Seeds were changed after results had been seen (6, 7 added), which makes p too small"
    assert found.state == "supported"
    assert found.reason.endswith(said)
    assert str(found.to_json()["reason"]).endswith(said)
    assert "| supported (seeds changed after looking) |" in markdown_of([found])


def test_a_study_that_was_extended_and_has_not_run_them_yet_is_unfinished(tmp_path: Path) -> None:
    write(tmp_path, "s", COMPARED, better_b)
    (tmp_path / "s" / "study.yaml").write_text(dump_yaml({"name": "s", **COMPARED, "seeds": SEEDS + 2}))
    (found,) = find_out([claim()], tmp_path)
    assert found.state == "unfinished"


def test_the_effect_is_the_very_one_that_the_summary_of_the_study_has() -> None:
    """Of every committed study that a claim names."""
    root = Path(__file__).resolve().parents[3] / "results"
    judged = [finding for finding in find_out(load_claims(), root) if finding.effect]
    assert judged
    for finding in judged:
        told, effect = json.loads((finding.asked.directory / "summary.json").read_text()), finding.effect
        if "response" in told:
            assert effect.size == pytest.approx(2 * told["response"]["amplitude"], rel=1e-12)
            assert (finding.state, effect.p) == (told["verdict"], told["response"]["p"])
            continue
        pairs = {(each["treatment"], each["control"]): each for each in told["comparisons"]}
        recorded = pairs[*(finding.claim.compare or next(iter(pairs)))]
        assert (finding.state, effect.size) == (recorded["verdict"], pytest.approx(recorded["difference"], rel=1e-12))
        assert list(effect.interval) == pytest.approx(recorded["interval"], rel=1e-9)


@pytest.mark.parametrize(
    ("status", "state"), [(None, "not stated"), ("missing", "unfinished"), ("failed", "unclear")]
)  # fmt: skip
def test_without_scores_there_is_no_verdict_of_the_claim(status: str | None, state: str, tmp_path: Path) -> None:
    if status:
        write(tmp_path, "s", COMPARED, better_b, status)
    (found,) = find_out([claim()], tmp_path)
    assert found.state == state
    assert found.to_json()["effect"] is None
    assert json.dumps(found.to_json(), allow_nan=False)


def test_a_shipped_study_without_results_is_not_run_yet(tmp_path: Path) -> None:
    (found,) = find_out([claim(study="ring", compare=["quadrature", "constant"], response="ring-response")], tmp_path)
    assert (found.state, found.reason) == ("not run", "lab study ring finds out")
    assert "| not run | ring, ring-response |" in markdown_of([found])


def test_a_response_has_a_swing_and_a_best_phase(tmp_path: Path) -> None:
    write(tmp_path, "s", SLID, wave)
    write(tmp_path, "asked", COMPARED, better_b)
    own, other = find_out([claim(response="s", expects=0.5), claim(study="asked", response="s")], tmp_path)
    assert own.state == "supported"
    assert own.effect is not None
    assert own.effect.size == pytest.approx(2, abs=0.1)
    found = other.to_json()["best_phase"]
    assert found["phase"] == pytest.approx(0.25, abs=0.02)
    assert found["interval"][0] < found["phase"] < found["interval"][1]
    assert (own.to_json()["best_phase"]["expected"], found["expected"]) == (0.5, None)
    assert "0.25 [0.2" in markdown_of([own])
    assert ", expected 0.50" in markdown_of([own])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"compare": ["b", "c"]}, "claim c: compare: s has no [b, c]; it has [b, a]; [c, a]"),
        ({"response": "s"}, "claim c: response: s slides no voice; a phase-response study is needed"),
        ({"study": "slid", "compare": ["b", "a"]}, "compare: slid slides a voice and compares nothing; leave it out"),
    ],
)
def test_a_claim_that_does_not_fit_its_study_is_one_line(fields: dict, said: str, tmp_path: Path) -> None:
    write(tmp_path, "s", COMPARED, better_b)
    write(tmp_path, "slid", SLID, wave)
    with pytest.raises(UserError) as error:
        find_out([claim(**fields)], tmp_path)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "a b"}, "claims.0.name"),
        ({"studdy": "s"}, "studdy"),
        ({"compare": ["b"]}, "must be [treatment, control]"),
        ({"expects": 1.5}, "claims.0.expects"),
        ({"verify": {"seeds": 1}}, "claims.0.verify.seeds"),
        ({"study": "../s"}, "claims.0.study"),
    ],
)
def test_a_file_of_claims_is_checked(change: dict, said: str, tmp_path: Path) -> None:
    one = {"name": "c", "statement": "b", "study": "s", "verify": {"seeds": 3}} | change
    (tmp_path / "claims.yaml").write_text(dump_yaml({"claims": [one]}))
    with pytest.raises(UserError, match=r"claims\.yaml") as error:
        load_claims(tmp_path / "claims.yaml")
    assert said in str(error.value)


def test_no_claim_stands_twice(tmp_path: Path) -> None:
    one = {"name": "c", "statement": "b", "study": "s", "verify": {"seeds": 3}}
    (tmp_path / "claims.yaml").write_text(dump_yaml({"claims": [one, one]}))
    with pytest.raises(UserError, match="'c' stands twice"):
        load_claims(tmp_path / "claims.yaml")


def test_the_table_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    write(tmp_path, "s", COMPARED, better_b)
    findings = find_out([claim(), claim(name="d", study="nowhere")], tmp_path)
    page = tmp_path / "page.md"
    page.write_text(f"before | x\n{BEGIN}\nold\n{END}\nafter\n")
    assert update(page, findings)
    assert not update(page, findings)
    text = page.read_text()
    assert text.startswith(f"before | x\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "2 claims: 1 supported, 1 not stated." in text
    assert counts(findings) in text
    assert claims_table(findings)[1][1] == ["d\nb beats a", "not stated", "–"]


def test_a_study_is_linked_once_it_has_a_page(tmp_path: Path) -> None:
    write(tmp_path, "s", COMPARED, better_b)
    findings = find_out([claim()], tmp_path)
    assert "| s |" in markdown_of(findings)
    (tmp_path / "s" / "summary.md").write_text("# s")
    assert "| [s](results/s/summary.md) |" in markdown_of(findings)


@pytest.mark.parametrize("text", ["nothing", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{BEGIN}\n{END}\n"])
def test_a_page_without_its_marks_is_refused_and_left_alone(text: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(text)
    with pytest.raises(UserError, match="say where the table goes"):
        update(tmp_path / "page.md", [])
    assert (tmp_path / "page.md").read_text() == text


def test_curves_are_in_units_of_their_seeds_spread_and_up_is_better(tmp_path: Path) -> None:
    write(tmp_path, "s", SLID, wave)
    write(tmp_path, "tenfold", SLID | {"direction": "higher"}, lambda place, seed: -10 * wave(place, seed) + 5)
    one, other = curves(find_out([claim(study="s", response="s"), claim(study="s", response="tenfold")], tmp_path))
    assert one.means.argmax() == 1
    assert other.means == pytest.approx(one.means)
    assert other.amplitude == pytest.approx(one.amplitude)
    assert one.amplitude > 10  # what the offset makes is far above the noise
    assert len(curves(find_out([claim(response="s"), claim(response="s")], tmp_path))) == 1


def test_a_spread_is_pooled_over_offsets() -> None:
    import numpy as np

    draw = np.random.default_rng(1).normal(size=(4000, 8)) * 3
    assert seed_spread(draw) == pytest.approx(3, rel=0.03)
    assert seed_spread(np.ones((5, 8))) == 1
    assert seed_spread(np.ones((1, 8))) == 1


DESCENT = """
hypothesis: a hundred times the learning rate comes closer to the minimum
trainer: tiny
preset: parabola
seeds: 8
set: {device: cpu}
arms:
  slow: {voices.lr: 0.001}
  fast: {voices.lr: 0.1}
  third: {voices.lr: 0.01}
metric: closeness
direction: higher
compare: [[third, slow], [fast, slow]]
"""


def closeness(place: int, seed: int) -> float:
    """About what the arms reach."""
    return (0.55, 0.8, 0.7)[place] + noise(place, seed) / 2


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """Results of that study as it would leave them."""
    write(tmp_path / "results", "descent", parse(DESCENT), closeness, score="closeness")
    return tmp_path / "results"


def test_a_small_version_has_seeds_of_its_own_and_two_arms(committed: Path) -> None:
    asked = claim(study="descent", compare=["fast", "slow"], verify={"seeds": 3, "set": ["set.steps=10"]})
    study = small_version(asked, load_study(committed / "descent" / "study.yaml"))
    assert list(study.arms) == ["fast", "slow"]
    assert study.compare == [["fast", "slow"]]
    assert study.seeds == [1000, 1001, 1002]
    assert study.set["steps"] == 10
    assert study.seeds_stated == []


def test_a_response_in_small_may_have_fewer_offsets(tmp_path: Path) -> None:
    write(tmp_path, "s", SLID | {"response": {"voice": "lr.generator", "offsets": 8}}, wave)
    asked = claim(verify={"seeds": 2, "set": ["response.offsets=4"]})
    study = small_version(asked, load_study(tmp_path / "s" / "study.yaml"))
    assert list(study.arms) == ["offset-0", "offset-0.25", "offset-0.50", "offset-0.75"]


def test_a_true_claim_is_verified_and_a_turned_one_is_not(tiny: None, committed: Path, tmp_path: Path) -> None:
    asked = claim(study="descent", compare=["fast", "slow"], verify={"seeds": 4})
    (found,) = find_out([asked], committed)
    small, checks = verify(asked, found, Conditions("", tmp_path / "small", jobs=2))
    assert small.effect is not None
    assert [check.agrees for check in checks] == [True, True], checks
    assert "intervals overlap" in checks[0].words
    assert "same direction" in checks[1].words
    assert (tmp_path / "small" / "descent" / "summary.md").is_file()

    table = committed / "descent" / "trials.csv"
    lines = table.read_text().replace("fast", "x").replace("slow", "fast").replace("x,", "slow,")
    table.write_text(lines)
    (turned,) = find_out([asked], committed)
    assert not any(check.agrees for check in compare(turned, small))


def test_an_effect_that_may_be_nothing_has_no_direction_to_agree_in(tmp_path: Path) -> None:
    write(tmp_path / "one", "s", COMPARED, lambda place, seed: noise(place, seed))
    write(tmp_path / "two", "s", COMPARED, lambda place, seed: -noise(place, seed))
    (one,), (two,) = (find_out([claim()], tmp_path / name) for name in ("one", "two"))
    assert [check.words.split(",")[0] for check in compare(one, two)] == ["intervals overlap"]


@pytest.mark.parametrize("seeds", [2, 3])
def test_a_true_claim_seldom_differs_by_few_seeds(seeds: int, tmp_path: Path) -> None:
    draw, differs = np.random.default_rng(0), 0
    for turn in range(60):
        for name, many in (("one", SEEDS), ("two", seeds)):
            scores = draw.normal(size=(3, SEEDS))
            write(tmp_path / name / f"{turn}", "s", COMPARED | {"seeds": many}, lambda *at, of=scores: float(of[at]))
        one, two = (find_out([claim()], tmp_path / name / f"{turn}")[0] for name in ("one", "two"))
        differs += not compare(one, two)[0].agrees
    assert differs <= 3


def test_best_phases_are_compared_around_the_cycle(tmp_path: Path) -> None:
    write(tmp_path / "one", "s", SLID, lambda place, seed: wave(place + 0.9, seed))
    write(tmp_path / "near", "s", SLID, lambda place, seed: wave(place + 1.2, seed))
    write(tmp_path / "far", "s", SLID, lambda place, seed: wave(place + 3, seed))
    one, near, far = (find_out([claim()], tmp_path / name)[0] for name in ("one", "near", "far"))
    assert [check.agrees for check in compare(one, near)] == [True, True]
    assert [check.agrees for check in compare(one, far)][1] is False


def test_the_end_of_a_cycle_is_shown_as_its_beginning(tmp_path: Path) -> None:
    write(tmp_path, "s", SLID, lambda place, seed: wave(place + 1.01, seed))
    (found,) = find_out([claim(response="s")], tmp_path)
    assert found.curve is not None
    assert found.curve.phase > 0.995
    assert "| 0.00 [0.00 to 0.00] |" in markdown_of([found])


def test_nothing_is_verified_that_was_not_run_or_over_committed_results(committed: Path) -> None:
    unknown = claim(study="ring")
    with pytest.raises(UserError, match="ring is not run; there is nothing to verify"):
        verify(unknown, find_out([unknown], committed)[0], Conditions("", committed / "small"))
    asked = claim(study="descent")
    with pytest.raises(UserError, match="the committed results lie there"):
        verify(asked, find_out([asked], committed)[0], Conditions("", committed))


def test_two_rows_of_one_trial_are_no_results(tmp_path: Path) -> None:
    """As a merge of two branches leaves them: which of them counted would be a matter of their order."""
    write(tmp_path, "s", COMPARED, better_b)
    table = tmp_path / "s" / "trials.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[-1] + "\n")
    with pytest.raises(UserError, match=r"trials.csv: trial c-s7 has two rows; one is accepted"):
        find_out([claim()], tmp_path)


def test_the_command_lists_claims_as_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["claims", "--json", "--results", str(tmp_path)]) == 0
    listed = json.loads(capfd.readouterr().out)
    assert {"name", "statement", "verdict", "effect", "interval", "study", "best_phase"} <= listed[0].keys()
    assert {entry["verdict"] for entry in listed} <= {"not run", "not stated"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--verify", ""], ": no such claim; there are"),
        (["--verify", "nothing"], "nothing: no such claim; there are out-of-phase-ring"),
        (["--verify", "out-of-phase-ring"], "ring is not run; there is nothing to verify"),
        (["--figure", "figures"], "no phase response has been run"),
        (["--json"], "is no directory; give the one that holds the studies' results"),
        (["--jobs", "2"], "--into and --jobs go with --verify"),
        (["--update", "absent.md"], "absent.md"),
    ],
)
def test_what_the_command_cannot_do_is_one_line(
    words: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "none"
    if "--json" not in words:
        results.mkdir()
    assert main(["claims", *words, "--results", str(results)]) == 2
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") == 1
