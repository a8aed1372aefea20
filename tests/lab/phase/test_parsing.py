"""The voice language: every form gives the schedule it says, and every mistake names its dotted field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.phase import Clock, Constant, ConstantProduct, Follower, PhaseError, Schedule, waves
from lab.phase.parsing import parse_schedule, parse_voices

CLOCK = Clock(period=1000)
LEADER = {"wave": "cosine", "low": 1e-5, "high": 1e-3, "offset": 0.25}
SCHEDULE = Schedule(CLOCK, "cosine", 1e-5, 1e-3, 0.25)


def voice(data: Any, **others: Any) -> Any:
    return parse_voices(CLOCK, {"v": data, "leader": LEADER, **others})["v"]


@pytest.mark.parametrize(
    ("data", "clock"),
    [
        ({"period": 1000}, Clock(1000)),
        ({"period": 100, "cycles": 4, "stretch": 2}, Clock(100, 4, 2)),
        ({"split": {"total": 50_000, "cycles": 6}}, Clock.split(50_000, 6)),
        ({"then": [{"period": 5000, "cycles": 3}, {"period": 200}]}, Clock(5000, 3).then(Clock(200))),
        (
            {"then": [{"then": [{"period": 5, "cycles": 1}, {"split": {"total": 9, "cycles": 2}}]}, {"period": 2}]},
            Clock(5, 1).then(Clock.split(9, 2)).then(Clock(2)),
        ),
    ],
)
def test_clocks(data: dict[str, Any], clock: Clock) -> None:
    assert Clock.from_config(data) == clock


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (3e-4, Constant(3e-4)),
        (1, Constant(1.0)),
        (LEADER, SCHEDULE),
        ({"wave": "anneal", "low": 0, "high": 1, "clock": {"period": 50}}, Schedule(Clock(50), "anneal", 0, 1)),
        ({"follow": "leader"}, SCHEDULE),
        ({"follow": "leader", "relation": "in_phase", "low": 0, "high": 0.5}, SCHEDULE.in_phase(0, 0.5)),
        ({"follow": "leader", "relation": "anti_phase"}, SCHEDULE.anti_phase()),
        ({"follow": "leader", "relation": "anti_phase", "high": 2}, SCHEDULE.anti_phase(high=2)),
        ({"follow": "leader", "relation": "anti_phase", "offset": 0.1}, SCHEDULE.anti_phase().shifted(0.1)),
        ({"follow": "leader", "relation": "quadrature", "low": 0}, SCHEDULE.quadrature(low=0)),
        ({**LEADER, "low": 1e-6, "scale": "geometric"}, replace(SCHEDULE, low=1e-6, scale="geometric")),
        (
            {"follow": "leader", "relation": "anti_phase", "low": 1e-6, "scale": "geometric"},
            replace(SCHEDULE, low=1e-6, scale="geometric").anti_phase(),
        ),
        (
            {"follow": {**LEADER, "low": 1, "high": 2, "scale": "geometric"}, "low": 0, "scale": "linear"},
            replace(SCHEDULE, low=0, high=2),
        ),
        ({"follow": "leader", "relation": "shifted", "offset": 0.75}, SCHEDULE.shifted(0.75)),
        (
            {"follow": "leader", "relation": "constant_product", "product": 1e-8, "low": 1e-5, "high": 1e-2},
            SCHEDULE.constant_product(1e-8, 1e-5, 1e-2),
        ),
        (
            {"follow": "leader", "relation": "constant_product", "product": 1e-8},
            SCHEDULE.constant_product(1e-8, 1e-5, 1e-3),
        ),
        ({"follow": "difficulty", "low": 0, "high": 1}, Follower("difficulty", 0, 1)),
        ({"follow": "difficulty", "relation": "anti_phase", "low": 0, "high": 1}, Follower("difficulty", 0, 1, True)),
    ],
)
def test_every_form_of_a_voice(data: Any, expected: Any) -> None:
    assert voice(data) == expected


@pytest.mark.parametrize("moment", ["mean", "rms"])
@pytest.mark.parametrize(
    "data",
    [
        {"wave": "cosine", "low": 0.05, "high": 1.95},
        {"follow": "leader", "relation": "anti_phase"},
        {"follow": "leader", "relation": "constant_product", "product": 1, "low": 1, "high": 1000},
    ],
)
def test_a_mean_or_rms_scales_the_shape(data: dict[str, Any], moment: str) -> None:
    matched = voice({**data, moment: 5e-4})
    assert getattr(matched, moment)() == pytest.approx(5e-4, rel=1e-12)
    assert matched.level(123) == pytest.approx(voice(data).level(123))


def test_arms_at_equal_mean_are_the_ring_studys() -> None:
    arms = {
        "constant": 5e-4,
        "in_phase": {"wave": "cosine", "low": 0.05, "high": 1.95, "mean": 5e-4},
        "quadrature": {"wave": "cosine", "low": 0.05, "high": 1.95, "offset": 0.25, "mean": 5e-4},
        "anti_phase": {"follow": "in_phase", "relation": "anti_phase", "mean": 5e-4},
    }
    for parsed in parse_voices(CLOCK, arms).values():
        assert parsed.mean() == pytest.approx(5e-4, rel=1e-12)  # type: ignore[union-attr]


def test_voices_follow_in_any_order_and_along_chains() -> None:
    chain = {"c": {"follow": "b", "relation": "anti_phase"}, "b": {"follow": "a", "relation": "quadrature"}}
    parsed = parse_voices(CLOCK, {**chain, "a": LEADER})
    assert list(parsed) == ["c", "b", "a"]
    assert parsed["c"] == SCHEDULE.quadrature().anti_phase()


voices = st.one_of(
    st.floats(-1e9, 1e9).map(Constant),
    st.builds(
        Schedule,
        st.just(CLOCK),
        st.sampled_from(sorted(waves.WAVES)),
        st.floats(1e-9, 1),
        st.floats(1, 9),
        st.floats(-2, 2),
        st.booleans(),
        st.sampled_from(["linear", "geometric"]),
    ),
    st.builds(
        ConstantProduct, st.just(SCHEDULE.anti_phase()), st.floats(1e-9, 9), st.floats(-9, 0), st.floats(0, 1e300)
    ),
    st.builds(Follower, st.just("difficulty"), st.floats(-9, 0), st.floats(0, 9), st.booleans()),
)


@given(voices)
def test_what_a_voice_writes_reads_back_equal(written: Any) -> None:
    assert voice(written.to_config()) == written


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (True, "voices.v: True is not accepted; expected a number, {wave"),
        ("1e-3", "voices.v: '1e-3'"),
        (float("nan"), "voices.v: nan"),
        (None, "voices.v: None"),
        ({}, "voices.v: neither wave nor follow"),
        ({"wav": "cosine"}, "voices.v.wav: unknown 'wav' (did you mean 'wave'?)"),
        ({**LEADER, "wave": "cosin"}, "voices.v.wave: unknown 'cosin' (did you mean 'cosine'?)"),
        ({**LEADER, "wave": 1}, "voices.v.wave: 1"),
        ({**LEADER, "hgih": 1}, "voices.v.hgih: unknown 'hgih' (did you mean 'high'?)"),
        ({"wave": "cosine", "low": 0}, "voices.v.high: missing"),
        ({**LEADER, "low": True}, "voices.v.low: True"),
        ({**LEADER, "low": 1}, "voices.v.low: 1.0 is not accepted; expected a number of at most high"),
        ({**LEADER, "scale": "log"}, "voices.v.scale: 'log' is not accepted; expected linear or geometric"),
        ({**LEADER, "low": 0, "scale": "geometric"}, "voices.v.low: 0.0 is not accepted; expected a number above 0,"),
        (
            {"follow": "leader", "relation": "constant_product", "product": 1, "scale": "linear"},
            "voices.v.scale: 'linear' has no meaning with relation constant_product",
        ),
        ({**LEADER, "offset": "0.5"}, "voices.v.offset: '0.5'"),
        ({**LEADER, "clock": {"period": 0}}, "voices.v.clock.period: 0"),
        ({**LEADER, "clock": 5}, "voices.v.clock: 5"),
        ({**LEADER, "mean": "x"}, "voices.v.mean: 'x'"),
        ({**LEADER, "mean": -1}, "voices.v.mean: "),
        ({**LEADER, "mean": 1, "rms": 1}, "voices.v.rms: 1 is given beside mean"),
        (
            {"follow": "leadr"},
            "voices.v.follow: unknown 'leadr' (did you mean 'leader'?); accepted: leader, ",
        ),
        ({"follow": "v"}, "voices.v: follows itself"),
        ({"follow": ["leader"]}, "voices.v.follow: "),
        ({"follow": "leader", "relation": "antiphase"}, "voices.v.relation: unknown 'antiphase' (did you mean 'anti_"),
        ({"follow": "leader", "relation": ["x"]}, "voices.v.relation: "),
        ({"follow": "leader", "relation": "shifted"}, "voices.v.offset: missing; shifted needs it"),
        ({"follow": "leader", "relation": "constant_product"}, "voices.v.product: missing"),
        ({"follow": "leader", "product": 1}, "voices.v.product: 1 has no meaning with relation in_phase"),
        ({"follow": "leader", "relation": "constant_product", "product": 1, "offset": 1}, "voices.v.offset: 1 has no"),
        ({"follow": "leader", "relation": "constant_product", "product": -1}, "voices.v.product: -1.0"),
        ({"follow": "leader", "low": 1}, "voices.v.low: 1.0"),
        ({"follow": "leader", "high": True}, "voices.v.high: True"),
        ({"follow": "leader", "wave": "cosine"}, "voices.v.wave: unknown 'wave'"),
        ({"follow": "difficulty", "low": 0}, "voices.v.high: missing"),
        ({"follow": "difficulty", "low": 0, "high": True}, "voices.v.high: True"),
        ({"follow": "difficulty", "relation": "quadrature", "low": 0, "high": 1}, "voices.v.relation: unknown 'quad"),
        ({"follow": "difficulty", "low": 0, "high": 1, "mean": 1}, "voices.v.mean: unknown 'mean'"),
        ({"follow": {"wave": "cosine"}, "relation": "anti_phase"}, "voices.v.follow.low: missing"),
    ],
)
def test_mistakes_name_the_dotted_field(data: Any, message: str) -> None:
    with pytest.raises(PhaseError) as refused:
        voice(data)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_ring_of_followers_is_refused() -> None:
    ring = {"a": {"follow": "b"}, "b": {"follow": "c"}, "c": {"follow": "a"}}
    with pytest.raises(PhaseError, match=r"voices\.a: follows itself by way of a -> b -> c -> a"):
        parse_voices(CLOCK, ring)


@pytest.mark.parametrize("leader", [1.0, {"follow": "difficulty", "low": 0, "high": 1}])
def test_what_has_no_wave_cannot_be_followed(leader: Any) -> None:
    with pytest.raises(PhaseError, match=r"voices\.v\.follow: 'flat' is not accepted"):
        voice({"follow": "flat"}, flat=leader)


def test_only_what_is_measured_can_be_followed_as_such() -> None:
    data = {"ent": {"follow": "imbalance", "low": 0, "high": 1}}
    assert parse_voices(CLOCK, data, measured=("imbalance",)) == {"ent": Follower("imbalance", 0, 1)}
    with pytest.raises(PhaseError, match=r"voices\.ent\.follow: unknown 'imbalance'; accepted: difficulty"):
        parse_voices(CLOCK, data)


def test_a_schedule_file_is_any_mapping_with_clock_and_voices() -> None:
    file = parse_schedule({"seed": 3, "steps": 50, "clock": {"period": 10}, "voices": {"a": 1}})
    assert (file.steps, file.clock, file.voices) == (50, Clock(10), {"a": Constant(1)})
    assert parse_schedule({"clock": {"period": 10}, "voices": {}}).steps == 40
    assert parse_schedule({"clock": {"period": 10, "stretch": 2}, "voices": {}}).steps == 150
    assert parse_schedule({"clock": {"period": 10, "cycles": 7}, "voices": {}}).steps == 70


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"voices": {}}, "clock: missing"),
        ({"clock": {"period": 1}}, "voices: missing"),
        ({"clock": {"period": 1}, "voices": [1]}, "voices: [1]"),
        ({"clock": {"period": 1}, "voices": {}, "steps": 0}, "steps: 0"),
        ({"clock": {"period": 1}, "voices": {}, "steps": True}, "steps: True"),
    ],
)
def test_a_schedule_file_with_mistakes_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(PhaseError) as refused:
        parse_schedule(data)
    assert message in str(refused.value)
