"""`lab plot --animate`: the portrait as a film that grows with the steps, small, for trainers that have one."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from synthetic import gan_run, rl_run

from lab.cli.main import main


def shares(film: Path) -> list[float]:
    """How much of each frame's plane (its left part, without the key to the colours) is drawn on."""
    with Image.open(film) as picture:
        found = []
        for frame in range(picture.n_frames):  # type: ignore[attr-defined]
            picture.seek(frame)
            pixels = np.asarray(picture.convert("RGB"), dtype=int)[60:-80, 80 : int(picture.width * 0.8)]
            found.append(float((pixels.max(axis=2) - pixels.min(axis=2) > 40).mean()))
        return found


def test_the_path_is_drawn_along_with_the_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = gan_run(tmp_path / "run")
    assert main(["plot", str(run), "--only", "portrait", "--animate"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"{run / 'figures' / 'portrait.gif'}  ")
    drawn = shares(run / "figures" / "portrait.gif")
    assert len(drawn) > 50
    assert 0 < drawn[5] < drawn[len(drawn) // 2] < drawn[-1]
    assert (run / "figures" / "portrait.gif").stat().st_size < 3_000_000


def test_several_runs_are_in_one_film_beside_their_figures(tmp_path: Path) -> None:
    runs = [gan_run(tmp_path / "a"), gan_run(tmp_path / "b", batch_size=8, steps=2000)]
    assert main(["plot", *map(str, runs), "--only", "portrait", "--animate"]) == 0
    film = runs[0] / "figures" / "compared" / "portrait.gif"
    with Image.open(film) as picture:
        left, right = picture.width // 2, int(picture.width * 0.8)
        picture.seek(picture.n_frames - 1)  # type: ignore[attr-defined]
        pixels = np.asarray(picture.convert("RGB"), dtype=int)
    for part in (pixels[60:-80, 80:left], pixels[60:-80, left + 20 : right]):
        assert ((part.max(axis=2) - part.min(axis=2)) > 40).mean() > 0.003


def test_what_has_no_portrait_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(rl_run(tmp_path / "r")), "--only", "target", "--animate"]) == 2
    assert capsys.readouterr().err == "lab: --animate: trainer 'rl' has no phase portrait\n"
    assert main(["plot", str(gan_run(tmp_path / "short", until=100)), "--only", "dynamics", "--animate"]) == 2
    assert capsys.readouterr().err == "lab: --animate: short: fewer than three rows of both losses\n"
