"""Each client's clock: the server's, a part of a cycle earlier, of a period of its own, with voices of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.federated.clocks import Clocks
from lab.phase import Clock, Schedule

COSINE = {"wave": "cosine", "low": 0.0, "high": 1.0}
CLOCK = {"period": 12}
VOICES = {
    "lr": COSINE,
    "dropout": {"follow": "lr", "relation": "anti_phase", "low": 0.0, "high": 0.5},
    "server.lr": COSINE,
}


def clocks(offsets: object = 0.0, periods: tuple[int, ...] = (), clients: int = 4, voices: object = VOICES) -> Clocks:
    return Clocks(CLOCK, voices, offsets, periods, clients)  # type: ignore[arg-type]


def test_spread_is_k_over_K() -> None:
    assert [clocks("spread").offset(client) for client in range(4)] == [0, 0.25, 0.5, 0.75]


def test_a_list_of_offsets_is_taken_in_turn() -> None:
    assert [clocks((0.0, 0.5)).offset(client) for client in range(4)] == [0, 0.5, 0, 0.5]


def test_a_client_hears_every_voice_its_offset_earlier() -> None:
    lead = Schedule(Clock(12), "cosine", 0.0, 1.0)
    own = clocks("spread")
    for step in range(24):
        heard = own.values(3, step)
        assert heard["lr"] == lead.shifted(0.75)(step)
        assert heard["dropout"] == lead.anti_phase(0.0, 0.5).shifted(0.75)(step)
        assert set(heard) == {"lr", "dropout"}  # the server's rate is the server's


def test_a_client_has_its_own_period() -> None:
    own = clocks(periods=(12, 5))
    assert own.values(1, 3)["lr"] == Schedule(Clock(5), "cosine", 0.0, 1.0)(3)
    assert own.values(2, 3)["lr"] == Schedule(Clock(12), "cosine", 0.0, 1.0)(3)


def test_clients_of_odd_number_may_have_voices_of_their_own() -> None:
    own = clocks(voices={**VOICES, "lr.odd": {"follow": "lr", "relation": "shifted", "offset": 0.5}})
    assert own.values(0, 0)["lr"] == own.values(2, 0)["lr"] == 1.0
    assert own.values(1, 0)["lr"] == own.values(3, 0)["lr"] == 0.0
    assert set(own.values(1, 0)) == {"lr", "dropout"}


def test_what_a_client_hears_does_not_depend_on_who_was_asked_before() -> None:
    own = clocks("spread", clients=1000)
    first = own.values(3, 5)
    for client in range(1000):
        own.values(client, 5)
    assert own.values(3, 5) == first


@given(
    offset=st.floats(0, 1),
    period=st.integers(3, 60),
    wave=st.sampled_from(["cosine", "triangle", "anneal", "sawtooth", "square"]),
)
@settings(max_examples=60, deadline=None)
def test_over_a_cycle_every_client_moves_by_as_much_whatever_its_offset(offset: float, period: int, wave: str) -> None:
    """The first-order weight of a client is its ∫lr, which is exact for offsets of whole rounds."""
    whole = round(offset * period) / period
    voices = {"lr": {"wave": wave, "low": 0.0, "high": 1.0}}
    own = Clocks({"period": period}, voices, (0.0, whole), (), 2)
    sums = [sum(own.values(client, step)["lr"] for step in range(period)) for client in (0, 1)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-9)


def test_clients_spread_over_a_cosine_have_a_constant_mean_and_a_larger_mean_square() -> None:
    """K ≥ 3: the mean of the squares is constant too, (1 + m²/2) times the square of the mean, m = 1."""
    own = clocks("spread", clients=6, voices={"lr": COSINE})
    rates = np.array([[own.values(client, step)["lr"] for client in range(6)] for step in range(12)])
    assert rates.mean(axis=1) == pytest.approx(np.full(12, 0.5), abs=1e-12)
    assert (rates**2).mean(axis=1) == pytest.approx(np.full(12, 1.5 * 0.25), abs=1e-12)
