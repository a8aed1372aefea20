from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan.losses import LOSSES
from gan.penalties import Judged
from gan.penalties.gp import GradientPenalty
from gan.penalties.r1 import R1, R2

ZERO = torch.zeros(8)
LOG2 = math.log(2)
INDIFFERENT = {
    "non_saturating": (2 * LOG2, LOG2),
    "minimax": (2 * LOG2, -LOG2),
    "least_squares": (0.5, 0.5),
    "hinge": (2.0, 0.0),
    "wasserstein": (0.0, 0.0),
    "relativistic": (LOG2, LOG2),
}


def generator_loss(name: str, fake: Tensor, real: Tensor = ZERO) -> Tensor:
    loss = LOSSES.named(name)()
    return loss.generator_against(fake, real) if loss.relative else loss.generator(fake)


def test_every_loss_is_here() -> None:
    assert INDIFFERENT.keys() == LOSSES.listed.keys()


@pytest.mark.parametrize("name", INDIFFERENT)
def test_losses_of_a_discriminator_that_answers_zero(name: str) -> None:
    expected = INDIFFERENT[name]
    assert float(LOSSES.named(name)().discriminator(ZERO, ZERO)) == pytest.approx(expected[0])
    assert float(generator_loss(name, ZERO)) == pytest.approx(expected[1])


@pytest.mark.parametrize("name", INDIFFERENT)
def test_a_better_discriminator_pays_less_and_a_better_generator_too(name: str) -> None:
    loss = LOSSES.named(name)()
    assert loss.discriminator(ZERO + 0.5, ZERO - 0.5) < loss.discriminator(ZERO - 0.5, ZERO + 0.5)
    assert generator_loss(name, ZERO + 0.5) < generator_loss(name, ZERO - 0.5)


@pytest.mark.parametrize("name", INDIFFERENT)
def test_the_ideal_is_the_least_loss_where_samples_are_alike(name: str) -> None:
    loss = LOSSES.named(name)()
    answers = torch.linspace(-2, 2, 401)
    alike = [float(loss.discriminator(answer.expand(8), answer.expand(8))) for answer in answers]
    assert min(alike) == pytest.approx(loss.ideal(), abs=1e-6)


def test_losses_equal_torchs_own() -> None:
    random = torch.Generator().manual_seed(0)
    real, fake = torch.randn(64, generator=random), torch.randn(64, generator=random)
    ones, zeros = torch.ones(64), torch.zeros(64)
    cross = functional.binary_cross_entropy_with_logits
    for name in ("minimax", "non_saturating"):
        assert LOSSES.named(name)().discriminator(real, fake) == pytest.approx(cross(real, ones) + cross(fake, zeros))
    assert generator_loss("minimax", fake) == pytest.approx(-cross(fake, zeros))
    expected = (functional.mse_loss(real, ones) + functional.mse_loss(fake, zeros)) / 2
    assert LOSSES.named("least_squares")().discriminator(real, fake) == pytest.approx(expected)
    assert LOSSES.named("relativistic")().discriminator(real, fake) == pytest.approx(cross(real - fake, ones))


def judged(weights: Tensor, real: Tensor, fake: Tensor) -> Judged:
    def judge(samples: Tensor) -> Tensor:
        return samples @ weights

    real.requires_grad_(), fake.requires_grad_()
    return Judged(judge, real, fake, judge(real), judge(fake), torch.Generator().manual_seed(0))


def test_penalties_of_a_linear_discriminator_know_its_slope() -> None:
    weights = torch.tensor([3.0, 4.0], requires_grad=True)
    random = torch.Generator().manual_seed(0)
    here = judged(weights, torch.randn(5, 2, generator=random), torch.randn(5, 2, generator=random))
    for part, value in ((R1(), 25.0), (R2(), 25.0), (GradientPenalty(), 16.0)):
        values = part.values(here)
        assert values.tolist() == pytest.approx([value] * 5)
        slope = torch.autograd.grad(values.mean(), weights)[0]
        expected = 2 * weights if value == 25.0 else 2 * 4 * weights / 5
        assert slope.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_the_gradient_penalty_looks_between_real_and_generated_samples() -> None:
    seen: list[Tensor] = []

    def judge(samples: Tensor) -> Tensor:
        seen.append(samples)
        return samples.sum(dim=1)

    real, fake = torch.zeros(64, 2), torch.ones(64, 2)
    GradientPenalty().values(Judged(judge, real, fake, ZERO, ZERO, torch.Generator().manual_seed(0)))
    (between,) = seen
    assert torch.equal(between[:, 0], between[:, 1]), "one share for a whole sample"
    assert 0 <= between.min() < 0.1
    assert 0.9 < between.max() < 1


def test_the_gradient_penalty_has_a_gradient_where_the_discriminator_is_flat() -> None:
    weights = torch.tensor([1.0, 1.0], requires_grad=True)

    def judge(samples: Tensor) -> Tensor:
        return functional.relu(samples @ weights)

    samples = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])  # of the first no slope is left
    random = torch.Generator().manual_seed(0)
    values = GradientPenalty().values(Judged(judge, samples, samples, ZERO, ZERO, random))
    assert values.tolist() == pytest.approx([1.0, (2**0.5 - 1) ** 2])
    (gradient,) = torch.autograd.grad(values.sum(), weights)
    assert gradient.tolist() == pytest.approx([2 * (2**0.5 - 1) / 2**0.5] * 2)


def test_the_hinge_does_not_care_beyond_its_margin() -> None:
    assert float(LOSSES.named("hinge")().discriminator(ZERO + 1, ZERO - 1)) == 0.0


def test_the_gradient_penalty_of_packs_lies_on_the_line_between_two_packs() -> None:
    seen: list[Tensor] = []

    def judge(samples: Tensor) -> Tensor:
        seen.append(samples)
        return samples.reshape(-1, 6).sum(dim=1)

    real, fake = torch.zeros(8, 3), torch.ones(8, 3)
    judged = Judged(judge, real, fake, torch.zeros(4), torch.zeros(4), torch.Generator().manual_seed(0), packing=2)
    assert GradientPenalty(penalty="gp").values(judged).shape == (4,)
    shares = seen[0].detach().reshape(4, 6)
    assert torch.equal(shares, shares[:, :1].expand(4, 6))
    assert len(shares[:, 0].unique()) == 4
