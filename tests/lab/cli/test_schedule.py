"""`lab schedule` draws a schedule file in the terminal or as a picture, and names what is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from lab.cli.main import main
from lab.door.yamls import dump_yaml
from lab.training.config import load_yaml
from lab.training.plugins import preset_path, trainer

FILE = """
seed: 3
steps: 4000
clock: {period: 1000}
voices:
  lr.generator: {wave: cosine, low: 1e-5, high: 1e-3}
  lr.discriminator: {follow: lr.generator, relation: anti_phase}
  dropout: {wave: anneal, low: 0, high: 0.5, clock: {period: 200, cycles: 4, stretch: 2}}
  ent_coef: {follow: difficulty, relation: anti_phase, low: 0, high: 0.01}
  clip_range: 0.2
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "s.yaml"
    path.write_text(FILE)
    return path


def test_the_terminal_shows_every_voice(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", str(file), "--width", "80"]) == 0
    shown = capsys.readouterr().out
    for name in ("lr.generator", "lr.discriminator", "dropout", "ent_coef", "clip_range"):
        assert name in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("name", ["s.png", "new/folder/S.PNG"])
def test_a_picture_is_written(file: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / name
    assert main(["schedule", str(file), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    with Image.open(out) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 800
        assert len(picture.convert("RGB").getcolors(10**6) or []) > 20  # something is drawn


def test_a_file_without_anything_that_moves_still_has_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("clock: {period: 10}\nvoices: {a: 1}\n")
    assert main(["schedule", str(path), "--out", str(tmp_path / "s.png")]) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (FILE.replace("period: 1000", "period: 0"), "clock.period: 0 is not accepted"),
        (FILE.replace("wave: cosine", "wave: cosin"), "voices.lr.generator.wave: unknown 'cosin' (did you mean"),
        (FILE.replace("high: 1e-3", "high: .nan"), "voices.lr.generator.high: nan"),
        (FILE.replace("high: 1e-3", "high: true"), "voices.lr.generator.high: True"),
        (FILE.replace("clock: {period: 1000}", ""), "clock: missing"),
    ],
)
def test_a_mistake_exits_2_with_one_line(
    tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    assert main(["schedule", str(path)]) == 2
    complaint = capsys.readouterr().err
    assert message in complaint
    assert "s.yaml" in complaint
    assert complaint.count("\n") == 1


def test_missing_files_and_other_formats_exit_2(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schedule", str(tmp_path / "none.yaml")]) == 2
    assert main(["schedule", str(file), "--out", str(tmp_path / "s.jpg")]) == 2
    assert main(["schedule", str(file), "--out", str(file / "s.png")]) == 2
    assert main(["schedule", str(file), "--width", "10"]) == 2
    complaints = capsys.readouterr().err.splitlines()
    assert len(complaints) == 4
    assert "none.yaml" in complaints[0]
    assert "expected a file name that ends in .png" in complaints[1]
    assert "cannot be written" in complaints[2]
    assert "width: 10" in complaints[3]


def test_a_terminal_that_knows_only_ascii_gets_a_picture(file: Path) -> None:
    command = [sys.executable, "-c", f"from lab.cli.main import main; main(['schedule', {str(file)!r}])"]
    shown = subprocess.run(command, env={"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, check=True)
    assert "lr.generator" in shown.stdout
    assert shown.stdout.isascii()


def test_drawing_in_the_terminal_imports_neither_torch_nor_matplotlib(file: Path) -> None:
    program = (
        "import sys, lab.cli.schedule\n"
        "assert not {'numpy', 'lab.phase'} & set(sys.modules)\n"
        "from types import SimpleNamespace as N\n"
        f"lab.cli.schedule.run(N(file={str(file)!r}, out=None, width=80))\n"
        "assert not {'torch', 'matplotlib'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_what_a_trainer_measures_is_followed_in_its_files_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = load_yaml(preset_path(trainer("gan"), "ring"))
    mapping["voices"]["lr.generator"] = {"follow": "advantage", "relation": "anti_phase", "low": 0, "high": 0.01}
    path = tmp_path / "ring.yaml"
    path.write_text(dump_yaml(mapping))
    assert main(["schedule", str(path)]) == 0
    assert "follows advantage in anti-phase" in capsys.readouterr().out
    path.write_text(FILE.replace("follow: difficulty", "follow: advantage"))
    assert main(["schedule", str(path)]) == 2
    assert "unknown 'advantage'" in capsys.readouterr().err
