"""Drawing ahead is invisible: an environment's numbers, and what is saved of its generator, are the generator's own."""

import json

import numpy as np
from gymnasium.utils.seeding import np_random
from hypothesis import given
from hypothesis import strategies as st

from curricula.streams import Streams

COUNT, AHEAD = 3, 16
masks = st.lists(st.booleans(), min_size=COUNT, max_size=COUNT)
orders = st.lists(masks, max_size=3 * AHEAD)


def drawn(streams: Streams, order: list) -> list:
    """What each environment got, in turn, when those of each mask asked."""
    got: list = [[] for _ in range(COUNT)]
    for mask in order:
        index = np.flatnonzero(mask)
        for i, numbers in zip(index.tolist(), streams.take(index).T, strict=True):
            got[i].append(numbers.tolist())
    return got


@given(orders, st.integers(0, 3), st.integers(0, 100))
def test_each_environment_gets_its_own_generators_numbers_in_order(order: list, draws: int, seed: int) -> None:
    streams = Streams(COUNT, draws, AHEAD)
    streams.seed(seed, np.ones(COUNT, dtype=bool))
    for i, numbers in enumerate(drawn(streams, order)):
        generator = np_random(seed + i)[0]
        assert numbers == [generator.random(draws).tolist() for _ in numbers]
        assert streams.save()[i] == generator.bit_generator.state


@given(orders, orders)
def test_what_is_saved_goes_on_with_the_same_numbers(before: list, after: list) -> None:
    streams, again = Streams(COUNT, 2, AHEAD), Streams(COUNT, 2)
    streams.seed(5, np.ones(COUNT, dtype=bool))
    drawn(streams, before)
    again.load(json.loads(json.dumps(streams.save())))
    assert drawn(again, after) == drawn(streams, after)
    assert again.save() == streams.save()


def test_a_new_seed_forgets_what_was_drawn_ahead() -> None:
    streams = Streams(COUNT, 2)
    streams.seed(5, np.ones(COUNT, dtype=bool))
    drawn(streams, [[True, True, True]])
    streams.seed([1, None, 1], np.array([True, True, False]))
    (first,), (second,), (third,) = drawn(streams, [[True, True, True]])
    assert first == np_random(1)[0].random(2).tolist()
    assert second == np_random(6)[0].random(4)[2:].tolist()
    assert third == np_random(7)[0].random(4)[2:].tolist()
