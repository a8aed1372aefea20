"""The report: one HTML page that holds everything it shows, and asks nothing of a network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab.door import pictures
from lab.errors import UserError
from lab.reports.blocks import Frame
from lab.reports.comparison import comparisons, side_by_side
from lab.reports.sections import Section, section_of
from lab.reports.style import Saved
from lab.training.files import replace_file

_HERE = Path(__file__).parent


def report(paths: Sequence[Path], out: Path, title: str = "") -> Path:
    """Write one page about runs and studies, drawing their figures on the way; runs of one trainer are compared first.

    Args:
        paths: run directories and directories of finished studies, in the order of the page.
        out: the HTML file; its folder is made if missing.
        title: of the page; by default the names of what it is about.

    Returns:
        ``out``.

    Raises:
        UserError: a path is neither a run with metrics nor a finished study, or ``out`` cannot be written.
    """
    if not paths:
        raise UserError("a report needs at least one run or study")
    beside = side_by_side(paths)
    sections = [section_of(Path(path), along=Path(path).resolve() not in beside) for path in paths]
    page = render([*comparisons(paths), *sections], title or ", ".join(section.title for section in sections))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_file(out, page.encode())
    except OSError as error:
        raise UserError(f"--out {out}: cannot be written: {error.strerror}") from None
    return out


def render(sections: Sequence[Section], title: str) -> str:
    """The page's text."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["data_uri"] = _data_uri
    environment.filters["size"] = _size
    css, js = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return environment.get_template("page.html").render(sections=sections, title=title, css=css, js=js)


def _data_uri(saved: Saved | Frame) -> str:
    return f"data:image/png;base64,{base64.b64encode(saved.path.read_bytes()).decode()}"


def _size(saved: Saved | Frame) -> tuple[int, int]:
    """Width and height in pixels: told to the browser, so that the page does not jump."""
    return pictures.read(saved.path, lambda image: image.size)
