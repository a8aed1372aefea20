"""Optimisers: the lean Adam is torch's own, step for step; what games move by does what its paper says."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam

from gan.optimizers import OPTIMIZERS
from gan.optimizers.extragradient import Extragradient
from gan.optimizers.lookahead import Lookahead, LookaheadConfig
from lab.training.adam import LeanAdam


def trained(optimizer: Adam, network: nn.Module, begin: int, steps: int) -> list[torch.Tensor]:
    for step in range(begin, begin + steps):
        for parameter in network.parameters():
            parameter.grad = torch.sin(parameter.detach() * (1 + step))
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 + step % 3)
        optimizer.step()
    return [parameter.detach().clone() for parameter in network.parameters()]


@pytest.mark.parametrize("settings", [{"betas": (0.5, 0.999)}, {"betas": (0.0, 0.9), "eps": 1e-6, "weight_decay": 0.1}])
def test_every_bit_is_torchs_own(settings: dict[str, object]) -> None:
    ours = nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 3))
    theirs = copy.deepcopy(ours)
    lean, plain = LeanAdam(ours.parameters(), fused=True, **settings), Adam(theirs.parameters(), fused=True, **settings)
    assert all(map(torch.equal, trained(lean, ours, 0, 8), trained(plain, theirs, 0, 8)))
    state, weights = copy.deepcopy(lean.state_dict()), copy.deepcopy(ours.state_dict())
    trained(lean, ours, 8, 5)
    lean.load_state_dict(state)  # back: the moments of the five steps are forgotten
    ours.load_state_dict(weights)
    assert all(map(torch.equal, trained(lean, ours, 8, 4), trained(plain, theirs, 8, 4)))


def test_adamw_is_torchs_own() -> None:
    ours = nn.Sequential(nn.Linear(5, 7), nn.Linear(7, 3))
    theirs = copy.deepcopy(ours)
    part = OPTIMIZERS.validate({"name": "adamw", "weight_decay": 0.3})
    lean = part.build(tuple(ours.parameters()), 0.0)
    plain = torch.optim.AdamW(theirs.parameters(), lr=0.0, betas=(0.5, 0.999), weight_decay=0.3, fused=True)
    assert all(map(torch.equal, trained(lean, ours, 0, 8), trained(plain, theirs, 0, 8)))


def test_negative_momentum_takes_back_a_part_of_the_last_step() -> None:
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = OPTIMIZERS.validate({"name": "sgd", "momentum": -0.5}).build((weight,), 0.1)
    expected, velocity = 1.0, 0.0
    for _ in range(5):
        weight.grad = weight.detach().clone()
        velocity = -0.5 * velocity + expected
        expected -= 0.1 * velocity
        optimizer.step()
        assert float(weight.detach()) == pytest.approx(expected)


def bilinear(steps: int, rate: float, extra: bool = False, lookahead: LookaheadConfig | None = None) -> float:
    """Distance from the equilibrium of min over x, max over y of x*y, from (1, 1), both players moving at once."""
    x, y = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(1.0))
    movers: list[SGD | Extragradient] = [SGD([x], lr=rate), SGD([y], lr=rate)]
    if extra:
        movers = [Extragradient(mover) for mover in movers if isinstance(mover, SGD)]
    back = Lookahead(lookahead, (x, y)) if lookahead else None
    for step in range(steps):
        for _ in range(2 if extra else 1):
            x.grad, y.grad = y.detach().clone(), -x.detach().clone()
            for mover in movers:
                mover.step()
        if back:
            back.after(step)
    return float(torch.stack((x, y)).detach().norm())


def test_on_the_bilinear_game_plain_steps_diverge_and_extragradient_converges() -> None:
    """Closed forms: |z| grows by sqrt(1 + rate^2) a plain step, and by sqrt((1 - rate^2)^2 + rate^2) an extra one."""
    start = 2**0.5
    assert bilinear(100, 0.3) == pytest.approx(start * (1 + 0.09) ** 50, rel=1e-4)
    assert bilinear(100, 0.3, extra=True) == pytest.approx(start * ((1 - 0.09) ** 2 + 0.09) ** 50, rel=1e-4)


def test_on_the_bilinear_game_lookahead_converges() -> None:
    assert bilinear(120, 0.3, lookahead=LookaheadConfig(every=6, alpha=0.5)) < 0.5
    one = bilinear(6, 0.3, lookahead=LookaheadConfig(every=6, alpha=0.5))
    turn = (1 - 0.3j) ** 6  # x + iy turns and grows by it in six plain steps
    assert one == pytest.approx(2**0.5 * abs(1 + 0.5 * (turn - 1)), rel=1e-4)


def test_an_optimisers_moments_of_other_parameters_are_refused() -> None:
    from lab.training.restoring import restore_moments

    part = OPTIMIZERS.validate({"name": "sgd", "momentum": 0.9})
    weight = nn.Parameter(torch.zeros(3))
    optimizer = part.build((weight,), 0.1)
    good: dict[int, dict[str, Tensor]] = {0: {"momentum_buffer": torch.ones(3)}}
    restore_moments(optimizer, good, part.moments)
    assert torch.equal(optimizer.state[weight]["momentum_buffer"], torch.ones(3))
    with pytest.raises(ValueError, match=r"momentum_buffer is no float32 tensor of \[3\]"):
        restore_moments(optimizer, {0: {"momentum_buffer": torch.ones(2)}}, part.moments)
    with pytest.raises(ValueError, match="lacks 'momentum_buffer'"):
        restore_moments(optimizer, {0: {"exp_avg": torch.ones(3)}}, part.moments)
