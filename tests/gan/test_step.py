from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD
from torch.utils._python_dispatch import TorchDispatchMode

from gan.losses import LOSSES
from gan.penalties.gradients import squared_slope
from gan.penalties.r1 import R1
from gan.step import Game, Player, plan


def dirac(updates: str, steps: int = 1, loss: str = "non_saturating", generator_steps: int = 1) -> Game:
    """The Dirac-GAN: a point θ = 1 against D(x) = ψx with ψ = 0.5, the data at 0 (GAN_stability; Mescheder 2018)."""

    class Point(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.theta = nn.Parameter(torch.tensor(1.0))

        def forward(self, z: Tensor) -> Tensor:
            return self.theta.expand(len(z), 1)

    class Slope(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.psi = nn.Parameter(torch.tensor(0.5))

        def forward(self, x: Tensor) -> Tensor:
            return (self.psi * x).flatten()

    def player(network: nn.Module) -> Player:
        return Player(network, SGD(network.parameters(), lr=0.1), tuple(network.parameters()))

    return Game(
        generator=player(Point()),
        discriminator=player(Slope()),
        loss=LOSSES.named(loss)(),
        plan=plan(updates, steps, generator_steps),
        batch_size=4,
        real=lambda n: (torch.zeros(n, 1), None),
        noise=lambda n: torch.zeros(n, 1),
        penalties={"r1": R1()},
        view=lambda samples: samples,
        random=torch.Generator(),
    )


def measured(game: Game, r1: float = 0.0) -> dict[str, Tensor]:
    return dict(zip(game.columns, game.step({"r1": r1}), strict=True))


def sigmoid(x: float) -> float:
    return float(torch.sigmoid(torch.tensor(x, dtype=torch.float64)))


def descend(theta: float, psi: float) -> tuple[float, float]:
    """Closed-form steps of the Dirac-GAN's non-saturating loss, rate 0.1: (new θ at this ψ, new ψ at this θ)."""
    return theta + 0.1 * psi * sigmoid(-psi * theta), psi - 0.1 * theta * sigmoid(psi * theta)


@pytest.mark.parametrize(("updates", "steps"), [("simultaneous", 1), ("alternating", 1), ("alternating", 3)])
def test_a_step_is_the_dirac_gans_closed_form(updates: str, steps: int) -> None:
    game = dirac(updates, steps)
    measured(game)
    theta, psi = 1.0, 0.5
    if updates == "simultaneous":
        theta, psi = descend(theta, psi)
    else:
        for _ in range(steps):
            psi = descend(theta, psi)[1]
        theta = descend(theta, psi)[0]
    assert float(game.generator.parameters[0].detach()) == pytest.approx(theta, abs=1e-6)
    assert float(game.discriminator.parameters[0].detach()) == pytest.approx(psi, abs=1e-6)


def test_plans() -> None:
    assert plan("alternating", 2) == (("discriminator",), ("discriminator",), ("generator",))
    assert plan("simultaneous", 2) == (("discriminator",), ("discriminator", "generator"))
    assert plan("alternating", 1, 2) == (("discriminator",), ("generator",), ("generator",))


def test_a_generator_that_moves_twice_answers_for_what_it_has_become() -> None:
    game = dirac("alternating", generator_steps=2)
    measured(game)
    psi = descend(1.0, 0.5)[1]
    theta = descend(descend(1.0, psi)[0], psi)[0]
    assert float(game.generator.parameters[0].detach()) == pytest.approx(theta, abs=1e-6)
    assert float(game.discriminator.parameters[0].detach()) == pytest.approx(psi, abs=1e-6)


def test_a_second_move_is_at_the_same_latent_points(make: Any) -> None:
    drawn: list[int] = []
    trainer = make("ring", "batch_size=8", "generator_steps=3")
    noise = trainer.game.noise
    trainer.game = replace(trainer.game, noise=lambda n: drawn.append(n) or noise(n))
    trainer.advance(2)
    assert drawn == [8, 8]


def test_r1_on_the_dirac_gan_is_psi_squared_and_shrinks_it() -> None:
    game = dirac("alternating")
    statistics = measured(game, r1=2.0)
    assert float(statistics["penalty/r1"]) == pytest.approx(0.25)
    expected = descend(1.0, 0.5)[1] - 0.1 * 2.0 * 0.5
    assert float(game.discriminator.parameters[0].detach()) == pytest.approx(expected, abs=1e-6)


def test_squared_slopes_can_be_differentiated() -> None:
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    penalty = squared_slope(x @ w, x).mean()
    assert float(penalty.detach()) == pytest.approx(25.0)
    assert torch.autograd.grad(penalty, w)[0].tolist() == pytest.approx([6.0, 8.0])


def test_gradient_norms_and_outputs_are_what_they_say() -> None:
    game = dirac("simultaneous")
    statistics = measured(game)
    assert float(statistics["gradient/generator"]) == pytest.approx(0.5 * sigmoid(-0.5))
    assert float(statistics["gradient/discriminator"]) == pytest.approx(sigmoid(0.5))
    assert (float(statistics["output/real"]), float(statistics["output/fake"])) == pytest.approx((0.0, 0.5))


class NoLooking(TorchDispatchMode):
    """Fails when a tensor's value is brought to Python, which would make a GPU wait."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func is not torch.ops.aten._local_scalar_dense.default, "a tensor was read in a step"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("name", "sets"),
    [
        ("ring", ()),
        ("ring", ("voices.r1.weight=0.1", "discriminator_steps=2")),
        ("ring", ("updates=simultaneous",)),
        ("digits", ("conditional=true",)),
        ("digits", ("conditional=true", "capture=on", "voices.noise.std={wave: cosine, low: 0.1, high: 0.2}")),
    ],
)
def test_nothing_in_a_step_reads_a_tensor(make: Any, name: str, sets: tuple[str, ...]) -> None:
    trainer = make(name, "batch_size=8", *sets)
    with pytest.raises(AssertionError), NoLooking():
        torch.ones(()).item()
    trainer.advance(1)
    with NoLooking():
        trainer.advance(5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("name", "sets"), [("ring", ()), ("digits", ()), ("digits", ("conditional=true",))])
def test_nothing_in_a_step_waits_for_the_gpu(name: str, sets: tuple[str, ...], preset: Any, tmp_path: Any) -> None:
    from gan.trainer import GanTrainer
    from lab.training.trainer import Context

    trainer = GanTrainer(preset(name, *sets), Context(torch.device("cuda"), tmp_path, tmp_path, lambda *a, **k: None))
    trainer.advance(3)
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.advance(10)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_the_average_follows_weights_and_batchnorm_statistics() -> None:
    from lab.techniques.averaging import Average

    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = Average(network)
    before = copy.deepcopy(average.network.state_dict())
    with torch.no_grad():
        network(10 + torch.randn(16, 2, generator=torch.Generator().manual_seed(0)))
        network[0].weight.add_(1.0)
    average.update(step=100_000, decay=0.9)
    after, now = average.network.state_dict(), network.state_dict()
    for name in ("0.weight", "1.running_mean", "1.running_var"):
        torch.testing.assert_close(after[name], 0.9 * before[name] + 0.1 * now[name])
    assert int(after["1.num_batches_tracked"]) == 1


def test_the_average_soon_forgets_the_initial_weights() -> None:
    from lab.techniques.averaging import Average

    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    average = Average(network)
    nn.init.ones_(network.weight)
    for step in range(100):
        average.update(step, decay=0.999)
    assert float(average.network.weight) > 0.99  # type: ignore[arg-type]
