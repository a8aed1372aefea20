"""The one visual language of every figure: colours with fixed meanings, type that a phone can show, how to save.

Colours are those of Okabe and Ito (2008), which people with any colour vision tell apart; arms differ in line style and
marker as well. A figure is made and saved inside ``applied()``, which leaves matplotlib's global settings as they were.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from lab.errors import UserError

WIDTH = 6.4
"""Inches. At 160 dpi a figure is 1024 pixels wide, and its 11-point type is still readable on a phone's width."""
WIDE = 1.55 * WIDTH
"""Inches: two panels beside each other."""
DPI = 160

BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY, INK, WINE = "#CC79A7", "#56B4E9", "#1A1A1A", "#882255"

ROLES: Mapping[str, str] = {
    "generator": BLUE,
    "discriminator": VERMILION,
    "difficulty": GREEN,
    "learning_rate": WINE,
    "score": INK,
    "ema": GREEN,
}
"""What a colour means wherever a figure shows one arm only."""

SHADE = "#EBEBEB"
"""Behind every second cycle of the clock."""

CYCLIC = LinearSegmentedColormap.from_list("phase", [BLUE, GREEN, ORANGE, PURPLE, BLUE])
"""Colour of a phase in [0, 1): the two ends meet, the quarters are four colours that everybody tells apart."""

SEQUENTIAL = "cividis"
"""Colour map of heatmaps: even in lightness, the same to every colour vision, and in print."""

_RC: Any = {
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.07,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 11,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.parse_math": False,  # names come from files: a dollar sign in one is a dollar sign
    "axes.formatter.use_mathtext": False,
    "axes.formatter.limits": (-4, 6),
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "phase-lab",
}


@dataclass(frozen=True)
class Look:
    """How one arm is drawn, the same in every figure of a study: colour, line style, marker."""

    color: str
    line: Any
    marker: str


_LOOKS = (
    Look(BLUE, "-", "o"),
    Look(VERMILION, (0, (5, 1.6)), "s"),
    Look(GREEN, (0, (7, 1.6, 1.4, 1.6)), "^"),
    Look(PURPLE, (0, (1.4, 1.4)), "D"),
    Look(ORANGE, (0, (3, 1.4)), "v"),
    Look(INK, (0, (9, 2.4)), "P"),
    Look(SKY, "-", "X"),
    Look(WINE, (0, (2.4, 1.2, 1, 1.2, 1, 1.2)), "*"),
)


CONTROL = Look("#6E6E6E", "-", "o")
"""The arm that the others are compared with."""


def look(index: int) -> Look:
    """The look of the arm at this place of a list; after eight the colours come again with the next line style."""
    turn, place = divmod(index, len(_LOOKS))
    base = _LOOKS[place]
    other = _LOOKS[(place + turn) % len(_LOOKS)]
    return Look(base.color, other.line, other.marker)


@contextmanager
def applied() -> Iterator[None]:
    """The settings of this visual language, for the time of a ``with`` block or, as a decorator, of a function."""
    with matplotlib.rc_context(_RC):
        yield


def role_color(name: str, default: str = INK) -> str:
    """The colour of a quantity by the words in its name: ``lr.generator`` is drawn as the generator is."""
    words = name.replace("/", ".").replace(" ", ".").split(".")
    return next((color for role, color in ROLES.items() if role in words), default)


def headline(figure: Figure, words: str, handles: Sequence[Artist] = ()) -> None:
    """Write the heading above a figure and below it, where there are arms to tell apart, their legend."""
    if not handles:
        figure.suptitle(textwrap.fill(words, 58), x=0.01, ha="left", fontsize=12.5, fontweight="bold")
        return
    columns = 1 if max(len(str(handle.get_label())) for handle in handles) > 26 else 2
    title = textwrap.fill(words, 58)
    legend = figure.legend(handles=handles, title=title, alignment="left", loc="outside upper left", ncols=columns)
    legend.get_title().set(fontsize=12.5, fontweight="bold")


def bare(axes: Axes) -> None:
    """Take everything but the contents away: for pictures and scatter plots whose axes say nothing."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color="#999999", linewidth=0.7)


@dataclass(frozen=True)
class Saved:
    """A figure on disk, and the words that stand in for it.

    Attributes:
        path: the PNG file.
        title: a few words, as a heading.
        alt: what the picture shows, in words, for somebody who cannot see it.
        caption: how to read it: what lines, bands and markers mean.
    """

    path: Path
    title: str
    alt: str
    caption: str


@contextmanager
def writing(out: Path, option: str = "") -> Iterator[None]:
    """Around all that is drawn into a folder.

    Raises:
        UserError: it cannot be written, or something else than a folder is in its place.
    """
    try:
        yield
    except OSError as error:
        raise UserError(f"{option}{out}: figures cannot be written there: {error.strerror}") from None


def save(figure: Figure, out: Path, stem: str, title: str, alt: str, caption: str) -> Saved:
    """Write ``out/stem.png``, the same bytes for the same figure, and return its record.

    A letter that the font lacks is drawn as a box.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{stem}.png"
    with applied(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(path, dpi=DPI, metadata={"Software": None})
    return Saved(path, title, alt, caption)
