"""A small canvas in world coordinates: what the tasks paint their states on, with Pillow alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 600, 400
SMOOTH = 2
"""Everything is painted this much larger and then reduced, which smooths the edges."""
COLOURS = {
    "paper": "#ffffff",
    "ink": "#222222",
    "earth": "#d9d4c7",
    "blue": "#0072b2",
    "orange": "#d55e00",
    "green": "#009e73",
}
"""The colour-blind safe palette of Okabe and Ito."""


class Canvas:
    """A picture of WIDTH × HEIGHT pixels; positions and sizes are in the units of ``window``, widths in pixels."""

    def __init__(self) -> None:
        """Begin with blank paper."""
        self._image = Image.new("RGB", (WIDTH * SMOOTH, HEIGHT * SMOOTH), COLOURS["paper"])
        self._pen = ImageDraw.Draw(self._image)
        self.window(0.0, 1.0, 0.0, 1.0)

    def window(self, left: float, right: float, bottom: float, top: float) -> None:
        """Say which part of the world is seen; one scale for both directions, the window centred."""
        self._scale = min(WIDTH / (right - left), HEIGHT / (top - bottom)) * SMOOTH
        self._centre = ((left + right) / 2, (bottom + top) / 2)

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: int = 2) -> None:
        """A line through points."""
        self._pen.line([self._pixel(*p) for p in points], COLOURS[colour], width * SMOOTH, joint="curve")

    def disc(self, x: float, y: float, radius: float, colour: str) -> None:
        """A filled circle."""
        px, py = self._pixel(x, y)
        r = radius * self._scale
        self._pen.ellipse((px - r, py - r, px + r, py + r), COLOURS[colour])

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle about its centre."""
        corners = [self._pixel(x - width / 2, y + height / 2), self._pixel(x + width / 2, y - height / 2)]
        self._pen.rounded_rectangle([*corners[0], *corners[1]], 4 * SMOOTH, COLOURS[colour])

    def ground(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> None:
        """Solid earth below a curve."""
        points = [self._pixel(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
        bottom = HEIGHT * SMOOTH
        self._pen.polygon([(points[0][0], bottom), *points, (points[-1][0], bottom)], COLOURS["earth"])
        self._pen.line(points, COLOURS["ink"], 2 * SMOOTH, joint="curve")

    def flag(self, x: float, y: float) -> None:
        """A pole with a pennant."""
        self.line([(x, y), (x, y + 0.18)], "ink", width=2)
        self._polygon([(x, y + 0.18), (x + 0.09, y + 0.15), (x, y + 0.12)], "green")

    def car(self, x: float, y: float, slope: float) -> None:
        """A small car standing at (x, y) on a slope dy/dx."""
        length = math.hypot(1.0, slope)
        along, up = (1.0 / length, slope / length), (-slope / length, 1.0 / length)

        def at(forward: float, above: float) -> tuple[float, float]:
            return x + forward * along[0] + above * up[0], y + forward * along[1] + above * up[1]

        self._polygon([at(-0.07, 0.03), at(0.07, 0.03), at(0.06, 0.09), at(-0.06, 0.09)], "blue")
        for forward in (-0.045, 0.045):
            self.disc(*at(forward, 0.027), 0.025, "ink")

    def caption(self, text: str) -> None:
        """Words in the upper left corner."""
        font = ImageFont.load_default(16 * SMOOTH)
        self._pen.text((12 * SMOOTH, 8 * SMOOTH), text, COLOURS["ink"], font)

    def pixels(self) -> NDArray[np.uint8]:
        """The finished picture, uint8[HEIGHT, WIDTH, 3]."""
        return np.array(self._image.resize((WIDTH, HEIGHT), Image.Resampling.BOX), dtype=np.uint8)

    def _polygon(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        self._pen.polygon([self._pixel(*p) for p in points], COLOURS[colour])

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        return (
            WIDTH * SMOOTH / 2 + (x - self._centre[0]) * self._scale,
            HEIGHT * SMOOTH / 2 - (y - self._centre[1]) * self._scale,
        )
