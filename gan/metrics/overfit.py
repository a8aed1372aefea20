"""Signs that a discriminator has learned its training images by heart (Karras et al. 2020, ADA)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan.metrics.values import host, require_finite


@dataclass(frozen=True)
class Overfitting:
    """Both heuristics of eq. 1: 0 means no overfitting, 1 complete overfitting.

    Attributes:
        sign: r_t = E[sign D(train)], in [−1, 1]; needs no validation set. ADA steers it to 0.6. NaN without a boundary.
        validation: r_v = (E[D(train)] − E[D(validation)]) / (E[D(train)] − E[D(generated)]): where validation images
            lie on the way from training images (0) to generated ones (1). Any number, below 0 where they look more
            real than the training images; NaN where the discriminator does not part training from generated.
    """

    sign: float
    validation: float


def overfitting(
    real_train_outputs: Any, real_validation_outputs: Any, fake_outputs: Any, boundary: float | None = 0.0
) -> Overfitting:
    """Both signs, from a discriminator's outputs (the higher, the more real) on three sets.

    Args:
        real_train_outputs: on real images it is trained on; array or tensor of any shape, as the other two.
        real_validation_outputs: on real images it never saw.
        fake_outputs: on generated images.
        boundary: the output at which it takes an image for as likely real as generated; None where its loss knows only
            differences of outputs.

    Raises:
        ValueError: a set is empty, or an output is not finite.
    """
    train, validation, fake = (_outputs(o) for o in (real_train_outputs, real_validation_outputs, fake_outputs))
    span = float(train.mean() - fake.mean())
    gap = float(train.mean() - validation.mean())
    sign = math.nan if boundary is None else float(np.sign(train - boundary).mean())
    return Overfitting(sign, gap / span if span else math.nan)


def _outputs(values: Any) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    outputs = host(values)
    if not outputs.size:
        raise ValueError("no outputs: each of the three sets needs at least one")
    require_finite(outputs)
    return outputs
