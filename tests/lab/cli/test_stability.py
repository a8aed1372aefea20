"""`lab stability` answers with growth, multipliers, verdict and safe periods, and names what it does not accept."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lab.cli.main import main
from lab.cli.stability import LOSSES

CONSTANT = "both rates are constant; --modulation asks about a cycle"


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert main(["stability", *map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("period", "offset", "percent"),
    [
        (31, 0, 0.092),
        (31, 0.25, 2.704),
        (31, 0.75, 2.374),
        (31, 0.5, 4.082),
        (200, 0, 0),
        (200, 0.25, 0),
        (200, 0.5, 0),
    ],
)
def test_the_bilinear_games_resonance(period: int, offset: float, percent: float, capsys: Any) -> None:
    words = ("--game", "bilinear", "--lr", 0.1, "--modulation", 0.8, "--period", period, "--offset", offset)
    found = answer(capsys, *words, "--updates", "alternating", "--damping", 0, "--gamma", 0)
    assert 100 * found["growth_per_step"] == pytest.approx(percent, abs=5e-4)
    assert found["verdict"] == ("unstable" if percent else "neutral")
    largest = max(math.hypot(*pair) for pair in found["multipliers"])
    assert largest ** (1 / period) - 1 == pytest.approx(found["growth_per_step"], abs=1e-12)


@pytest.mark.parametrize("game", ["bilinear", "quadratic"])
def test_damping_and_anti_phase(game: str, capsys: Any) -> None:
    words = ("--game", game, "--lr", 0.1, "--period", 50, "--offset", 0.5, "--damping", 0.1)
    assert answer(capsys, *words)["verdict"] == "stable"
    found = answer(capsys, *words, "--modulation", 0.9)
    assert found["growth_per_step"] == pytest.approx(0.0245, abs=5e-5)
    assert found["verdict"] == "unstable"
    safe = found["safe_periods"]
    assert 50 < safe["low"] < safe["high"]
    assert safe["why"].endswith(".")


@pytest.mark.parametrize(("gamma", "turns"), [(0.99, True), (1.0, False), (1.01, False)])
def test_the_dirac_gan_is_critical_at_gamma_one(gamma: float, turns: bool, capsys: Any) -> None:
    found = answer(capsys, "--game", "dirac", "--gamma", gamma, "--updates", "simultaneous", "--period", 1)
    assert (found["natural_period"] is not None) == turns
    if gamma != 1.0:  # there rounding decides between two equal eigenvalues and a pair
        assert any(pair[1] for pair in found["multipliers"]) == turns
    root = math.sqrt(max(gamma**2 / 4 - 1 / 4, 0.0))
    largest = abs(1 + 0.1 * complex(-gamma / 2 + root, math.sqrt(max(1 / 4 - gamma**2 / 4, 0.0))))
    assert found["growth_per_step"] == pytest.approx(largest - 1, abs=1e-8)


def test_losses_and_momentum_are_heard(capsys: Any) -> None:
    words = ("--game", "dirac", "--gamma", 0.1)
    growths = {loss: answer(capsys, *words, "--loss", loss)["growth_per_step"] for loss in LOSSES}
    assert growths["minimax"] == growths["non_saturating"] == growths["least_squares"]
    assert growths["wasserstein"] != growths["minimax"]
    calmed = answer(capsys, *words, "--momentum", -0.3)
    assert calmed["growth_per_step"] != growths["minimax"]
    assert len(calmed["multipliers"]) == 4


def test_the_losses_are_those_of_the_games() -> None:
    from lab.diagnostics.games import LOSSES as KNOWN

    assert set(LOSSES) == set(KNOWN)


def test_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--game", "bilinear", "--modulation", "0.8", "--period", "31", "--offset", "0.5"]
    assert main(["stability", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "unstable: a deviation grows by 4.082 % a step"
    assert lines[1] == "multipliers of one cycle of 31 steps: -3.45657, -0.289304"
    assert lines[2] == "game: 62.8 steps a rotation at constant rates"
    assert lines[3].startswith("safe periods: 274 to 503 steps (31 is not among them): cycles this slow are safe")
    assert len(lines) == 4
    for damping, first in (
        ("0", "neutral: a deviation stays as it is"),
        ("0.1", "stable: a deviation shrinks by 1 % a step"),
    ):
        assert main(["stability", "--game", "quadratic", "--damping", damping]) == 0
        assert capsys.readouterr().out.splitlines()[0] == first


def test_what_float64_cannot_hold_is_null(capsys: Any) -> None:
    found = answer(capsys, "--game", "bilinear", "--lr", 10, "--period", 100_000)
    assert found["verdict"] == "unstable"
    assert found["multipliers"][0][0] is None


@pytest.mark.parametrize(
    "words",
    ["--game bilinear --modulation 0.8", "--game dirac --gamma 2 --modulation 0.5 --updates simultaneous",
     "--game quadratic --damping 0.1 --modulation 1.5 --period 100000", "--game bilinear --lr 3 --modulation 0.8"],
)  # fmt: skip
def test_a_map_is_drawn(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "map.PNG"
    assert main(["stability", *words.split(), "--map", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"map: {out}"
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 800
        assert len(picture.convert("RGB").getcolors(10**6) or []) > 100


MISTAKES = {
    "--period 0": "argument --period: '0' is not accepted; expected whole steps from 1 to 1000000",
    "--period 2.5": "argument --period: '2.5' is not accepted",
    "--period 10000000": "argument --period: '10000000' is not accepted",
    "--lr nan": "argument --lr: 'nan' is not accepted; expected a number from 1e-06",
    "--lr 0": "argument --lr: '0' is not accepted",
    "--lr fast": "argument --lr: 'fast' is not accepted",
    "--lr inf": "argument --lr: 'inf' is not accepted",
    "--modulation -0.1": "argument --modulation: '-0.1' is not accepted; expected a number from 0",
    "--offset nan": "argument --offset: 'nan' is not accepted; expected a number",
    "--damping -1": "argument --damping: '-1' is not accepted",
    "--gamma -1": "argument --gamma: '-1' is not accepted",
    "--gamma 0.3": "--gamma: 0.3 is not accepted with --game bilinear; expected 0, or --game dirac",
    "--loss minimax": "--loss: 'minimax' is not accepted with --game bilinear",
    "--momentum 1": "argument --momentum: '1' is not accepted; expected a number above -1 and below 1",
    "--momentum -1": "argument --momentum: '-1' is not accepted",
    "--updates both": "argument --updates: invalid choice: 'both' (choose from",
    "--game chess": "argument --game: invalid choice: 'chess' (choose from",
    "--map a.png": "--map: with --modulation 0.0 there is no cycle to draw; expected a modulation above 0",
    "--modulation 0.5 --map a.jpg": "--map: 'a.jpg' is not accepted; expected a file name that ends in .png",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_exits_2_with_one_line(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(["stability", "--game", "bilinear", *words.split()])
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    assert status == 2
    complaint = capsys.readouterr().err
    assert MISTAKES[words] in complaint
    assert complaint.count("\n") == 1


def test_a_map_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    words = f"--game bilinear --modulation 0.5 --map {tmp_path / 'file' / 'a.png'}".split()
    assert main(["stability", *words]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_answer_needs_neither_torch_nor_matplotlib() -> None:
    program = (
        "import sys, lab.cli.stability\n"
        "assert not {'numpy', 'lab.phase', 'lab.diagnostics'} & set(sys.modules)\n"
        "from lab.cli.main import main\n"
        "main(['stability', '--game', 'bilinear'])\n"
        "assert not {'torch', 'matplotlib', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A small ring of 60 steps, in cycles of 20."""
    small = "{network: mlp, width: 3, depth: 1}"
    sets = ("steps=60", "clock={period: 20}", f"generator={small}", f"discriminator={small}", "batch_size=32",
            "evaluate_every=60", "checkpoint_every=60", "device=cpu")  # fmt: skip
    words = [word for each in sets for word in ("--set", each)]
    assert main(["gan", "train", "ring-quadrature", *words, "--quiet", "--results", str(tmp_path), "--name", "r"]) == 0
    return tmp_path


def test_a_runs_spectrum_cycle_and_safe_periods(trained: Path, capsys: Any) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    capsys.readouterr()
    found = answer(capsys, "r", "--results", trained, "--cycle")
    assert found["step"] == 60
    assert found["measured"]["period"] == 20
    growth = found["growth_per_step"]
    assert found["verdict"] == ("stable" if growth < -1e-9 else "unstable" if growth > 1e-9 else "neutral")
    assert set(found["curvature"]) == {"generator", "discriminator"}
    largest = abs(complex(*found["measured"]["multipliers"][0]))
    assert found["measured"]["growth_per_step"] == pytest.approx(largest ** (1 / 20) - 1)
    assert answer(capsys, "r", "--results", trained)["measured"] is None
    assert main(["stability", "r", "--results", str(trained)]) == 0
    told = capsys.readouterr().out
    assert "step 60: the game turns fastest at" in told
    assert "what turns, in a cycle of 20 steps: " in told
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_another_cycle_is_asked_about(trained: Path, capsys: Any) -> None:
    found = answer(capsys, "r", "--results", trained, "--period", 300, "--offset", 0.75)
    assert found["cycle"] == {"period": 300, "modulation": pytest.approx(0.95), "offset": 0.75}
    own = answer(capsys, "r", "--results", trained)
    assert own["cycle"]["period"] == 20
    assert (found["asked"], own["asked"]) == (True, False)
    assert own["growth_per_step"] != found["growth_per_step"]
    assert own["growth_at_constant_rates"] == found["growth_at_constant_rates"]


def test_what_is_kept_is_the_answer_and_is_in_the_report(trained: Path, capsys: Any) -> None:
    from lab.reports.sections import run_section

    capsys.readouterr()
    found = answer(capsys, "r", "--results", trained, "--keep")
    run = trained / "runs" / "r"
    assert json.loads((run / "stability.json").read_text()) == found
    assert found["period"] == 20
    largest = max(abs(complex(*pair)) for pair in found["multipliers"])
    assert found["growth_per_step"] == pytest.approx(largest ** (1 / 20) - 1)
    assert f"is predicted to be {found['verdict']}" in " ".join(run_section(run).blocks[0].sentences)
    assert not list(run.glob(".stability*"))


@pytest.mark.slow
def test_the_map_of_a_run_is_drawn(trained: Path, capsys: Any) -> None:
    out = trained / "map.png"
    assert answer(capsys, "r", "--results", trained, "--map", out)["map"] == str(out)
    with Image.open(out) as picture:
        assert picture.width > 800


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["discriminator_steps=2"], "several updates of a player a step"),
        (["generator_steps=2"], "several updates of a player a step"),
        (["updates=extragradient"], "updates: extragradient"),
        (["voices.lr.generator=0.001", "voices.lr.discriminator=0.001"], CONSTANT),
        (["voices.lr.generator=0.001"], None),
    ],
)
def test_a_run_of_another_game_gets_its_spectrum_and_no_word_on_its_cycles(
    trained: Path, sets: list[str], told: str | None, capsys: Any
) -> None:
    small = "{network: mlp, width: 3, depth: 1}"
    usual = ["steps=20", "checkpoint_every=20", "clock={period: 20}", f"generator={small}", f"discriminator={small}"]
    words = [word for each in [*usual, *sets] for word in ("--set", each)]
    assert main(["gan", "train", "ring-quadrature", *words, "--quiet", "--results", str(trained), "--name", "o"]) == 0
    capsys.readouterr()
    found = answer(capsys, "o", "--results", trained)
    assert found["safe_periods"] is None
    assert (found["verdict"] is None) == (told is not None)
    assert found["unsaid"] == (told or "its rates are no two cosines of one modulation")
    assert found["moves"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["r", "--lr", "0.1"], "--lr: it is of a --game"),
        (["--game", "dirac", "--cycle"], "--cycle"),
        (["--game", "dirac", "--keep"], "--keep: it is of a RUN"),
    ],
)
def test_what_does_not_go_together_is_told(words: list[str], told: str, capsys: Any) -> None:
    assert main(["stability", *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["r", "--game", "dirac"]])
def test_a_run_or_a_game_is_asked_for(words: list[str], capsys: Any) -> None:
    assert main(["stability", *words]) == 2
    assert "one of RUN and --game is expected" in capsys.readouterr().err
