from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gan.metrics import Overfitting, overfitting


def test_the_signs_of_a_worked_example() -> None:
    found = overfitting(torch.tensor([3.0, 1.0, 2.0, -2.0]), np.array([[0.0], [-1.0]]), [-2.0, -3.0])
    assert found == Overfitting(sign=0.5, validation=(1.0 + 0.5) / (1.0 + 2.5))


@given(st.floats(0, 1), st.floats(0.1, 100), st.floats(-10, 10))
def test_validation_tells_how_far_from_training_to_generated(share: float, scale: float, shift: float) -> None:
    """Neither a scale nor a shift of the discriminator's outputs changes it."""
    train, fake = np.array([1.0, 3.0]), np.array([-2.0, -4.0])
    validation = train + share * (fake.mean() - train.mean())
    found = overfitting(*(scale * outputs + shift for outputs in (train, validation, fake)))
    assert found.validation == pytest.approx(share, abs=1e-9)


def test_no_overfitting_and_complete_overfitting() -> None:
    outputs = np.array([-1.0, 1.0])
    assert overfitting(outputs, outputs, outputs - 1) == Overfitting(0.0, 0.0)
    assert overfitting([2.0, 2.0], [-2.0], [-2.0]) == Overfitting(1.0, 1.0)


def test_a_discriminator_that_parts_nothing_has_no_second_sign() -> None:
    assert math.isnan(overfitting([1.0], [0.0], [1.0]).validation)


def test_the_sign_is_of_the_distance_from_the_boundary_and_there_is_none_without() -> None:
    train = [0.2, 0.4, 0.6, 0.8]
    assert overfitting(train, train, [0.0]).sign == 1.0
    assert overfitting(train, train, [0.0], boundary=0.5).sign == 0.0
    assert math.isnan(overfitting(train, train, [0.0], boundary=None).sign)


def test_outputs_that_are_absent_or_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="no outputs"):
        overfitting([1.0], [], [1.0])
    with pytest.raises(ValueError, match="1 of 1 sample values are not finite"):
        overfitting([1.0], [math.nan], [1.0])
