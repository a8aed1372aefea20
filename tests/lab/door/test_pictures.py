"""What is taken for a picture: formats that Pillow decodes itself, none for which it would start another program."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import EpsImagePlugin, Image

from lab.door import pictures


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "ppm", "tiff", "webp"])
def test_usual_formats_are_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.new("RGB", (6, 4), (250, 3, 3)).save(path)
    assert pictures.read(path, lambda image: image.convert("RGB").size) == (6, 4)
    assert path.suffix in pictures.suffixes()


def test_postscript_under_the_name_of_a_picture_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ghostscript(*_: object) -> None:
        raise AssertionError("a PostScript interpreter was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", ghostscript)
    path = tmp_path / "photo.png"
    Image.new("RGB", (6, 4)).save(path, format="EPS")
    with pytest.raises(ValueError, match="cannot identify image file"):
        pictures.read(path, lambda image: image.convert("RGB"))
    assert not {".eps", ".pdf"} & pictures.suffixes()
