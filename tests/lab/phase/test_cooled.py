import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.phase import Clock, Cooled, PhaseError, Schedule
from lab.phase.parsing import parse_voices

CLOCK = Clock(period=40)


def voice(data: object) -> object:
    return parse_voices(CLOCK, {"lr": {"wave": "cosine", "low": 0.0, "high": 0.2}, "it": data})["it"]


@given(st.integers(0, 200), st.integers(1, 100), st.integers(0, 400), st.floats(0, 1))
def test_it_is_the_voice_then_a_line_from_its_mean_to_zero(start: int, steps: int, step: int, offset: float) -> None:
    lr = Schedule(CLOCK, wave="cosine", low=0.0, high=0.2, offset=offset)
    cooled = Cooled(lr, start, steps)
    line = lr.mean() * max(0.0, 1 - (step - start) / steps)
    assert cooled(step) == (lr(step) if step < start else pytest.approx(line, abs=1e-15))
    assert cooled(np.arange(step, step + 1))[0] == cooled(step)
    assert cooled(start + steps) == 0.0
    assert 0.0 <= cooled.level(step) <= 1.0


def test_voices_apart_in_their_cycles_cool_down_together() -> None:
    cooled = [
        Cooled(Schedule(CLOCK, wave="cosine", low=0.0, high=0.2, offset=place / 4), 80, 20).table(120)
        for place in range(4)
    ]
    assert np.ptp(cooled, axis=0)[:80].max() > 0.1
    np.testing.assert_allclose(np.ptp(cooled, axis=0)[80:], 0, atol=1e-15)
    assert cooled[0][80] == pytest.approx(0.1)


def test_a_file_says_it_and_the_mean_scales_what_is_before() -> None:
    found = voice({"wave": "triangle", "low": 0, "high": 1, "mean": 0.3, "cooldown": {"start": 80, "steps": 20}})
    assert isinstance(found, Cooled)
    assert found(80) == pytest.approx(0.3)
    assert voice(found.to_config()) == found
    assert found.shifted(0.25)(0) == found.voice(10)
    assert list(found.due("trough", 0)) == [20, 60]


@pytest.mark.parametrize(
    ("cooldown", "said"),
    [(3, "start: …, steps: …"), ({"start": 3}, "cooldown.steps: missing"), ({"start": 3, "steps": 0}, "steps: 0"),
     ({"start": -1, "steps": 3}, "cooldown.start: -1"), ({"begin": 1}, "begin")],
)  # fmt: skip
def test_what_is_wrong_is_named(cooldown: object, said: str) -> None:
    with pytest.raises(PhaseError, match=said):
        voice({"wave": "triangle", "low": 0, "high": 1, "cooldown": cooldown})


def test_the_quadratic_rule_is_a_relation() -> None:
    """H = max(H0, ⌊(α/lr)²⌋), equation 2 of Gu et al. (arXiv 2310.14423)."""
    alpha, least, most = 0.8, 4, 1000
    rule = {"follow": "lr", "relation": "constant_product", "power": 2, "product": alpha**2, "low": least, "high": most}
    found, lr = voice(rule), Schedule(CLOCK, wave="cosine", low=0.0, high=0.2)
    for step in range(40):
        wanted = most if lr(step) == 0 else min(most, max(least, np.floor((alpha / lr(step)) ** 2)))
        assert np.floor(found(step)) == wanted  # type: ignore[operator]
    assert found.table(40).tolist() == [found(step) for step in range(40)]  # type: ignore[attr-defined,operator]
    assert voice(found.to_config()) == found  # type: ignore[attr-defined]


def test_power_is_no_word_of_another_relation() -> None:
    with pytest.raises(PhaseError, match="power: 2 has no meaning with relation in_phase"):
        voice({"follow": "lr", "relation": "in_phase", "power": 2})
