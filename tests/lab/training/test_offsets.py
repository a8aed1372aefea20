"""One number, spread, or a list: how far each of many is ahead."""

import pytest
from pydantic import TypeAdapter, ValidationError

from lab.training.offsets import Offsets, offset

ACCEPTED: TypeAdapter[object] = TypeAdapter(Offsets)


def test_each_has_its_own() -> None:
    assert [offset("spread", number, 4) for number in range(4)] == [0.0, 0.25, 0.5, 0.75]
    assert [offset((0.0, 0.5), number, 3) for number in range(3)] == [0.0, 0.5, 0.0]
    assert [offset(0.25, number, 2) for number in range(2)] == [0.25, 0.25]


@pytest.mark.parametrize("value", ["sprea", [], [float("nan")], 1e9, {}])
def test_nothing_else_is_accepted(value: object) -> None:
    with pytest.raises(ValidationError):
        ACCEPTED.validate_python(value)
