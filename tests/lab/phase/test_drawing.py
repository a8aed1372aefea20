"""The picture in the terminal fits, and shows where voices are high, low, and turn."""

from __future__ import annotations

from typing import Any

import pytest

from lab.phase import PhaseError
from lab.phase.drawing import ASCII, draw
from lab.phase.parsing import parse_schedule


def picture(voices: dict[str, Any], steps: int = 2000, period: int = 1000, width: int = 80) -> list[str]:
    return draw(parse_schedule({"steps": steps, "clock": {"period": period}, "voices": voices}), width).splitlines()


COSINE = {"wave": "cosine", "low": 0, "high": 1}


def test_a_wave_is_full_at_its_crest_and_empty_at_its_trough() -> None:
    lines = picture({"lr": COSINE})
    top = next(line for line in lines if "│" in line)
    marks = next(line for line in lines if "▲" in line)
    assert top[11] == "█"
    assert top.strip().startswith("1 │")
    assert [at for at, sign in enumerate(marks) if sign == "▲"] == [11, 11 + 1000 * 69 // 2000]
    assert [at for at, sign in enumerate(marks) if sign == "▽"] == [11 + 500 * 69 // 2000, 11 + 1500 * 69 // 2000]
    assert all(top[at] == " " for at, sign in enumerate(marks.ljust(80)) if sign == "▽" and at < len(top))


@pytest.mark.parametrize("width", [40, 80, 100])
@pytest.mark.parametrize("steps", [1, 5, 2000, 10**12, 2**62])
def test_no_line_is_wider_than_asked(width: int, steps: int) -> None:
    follower = {"follow": "difficulty", "low": 0, "high": 1}
    lines = picture({"lr." + 30 * "x": COSINE, "c": 0.5, "e": follower}, steps=steps, width=width)
    assert max(map(len, lines)) <= width


def test_what_does_not_move_is_told_in_a_line() -> None:
    lines = picture({"clip": 0.2, "ent": {"follow": "difficulty", "relation": "anti_phase", "low": 0, "high": 1}})
    assert "clip  constant 0.2" in lines
    assert "ent  follows difficulty in anti-phase, 0 to 1" in lines
    assert not any("│" in line for line in lines)


def test_cycles_too_many_to_mark_are_said_to_be() -> None:
    lines = picture({"fast": COSINE}, steps=2000, period=10)
    assert any("too many crests to mark" in line for line in lines)
    assert "░" in "".join(lines)


def test_the_axis_numbers_the_cycles() -> None:
    assert picture({"lr": COSINE})[-2].split() == ["0", "1,000", "2,000"]


def test_it_can_be_said_in_ascii() -> None:
    assert "\n".join(picture({"lr": COSINE})).translate(ASCII).isascii()


def test_a_width_that_holds_nothing_is_refused() -> None:
    with pytest.raises(PhaseError, match="width: 39 is not accepted; expected at least 40 columns"):
        picture({}, width=39)


def test_a_power_and_a_cooldown_are_told() -> None:
    rule = {"follow": "lr", "relation": "constant_product", "power": 2, "product": 0.1, "low": 1, "high": 9}
    assert "sync  0.1 / lr², 1 to 9" in " ".join(picture({"lr": COSINE, "sync": rule}))
    cooled = " ".join(picture({"lr": {**COSINE, "cooldown": {"start": 1500, "steps": 500}}}))
    assert "lr  cosine 0 to 1 · mean 0.5, then to 0 over 500 steps from 1,500" in cooled
