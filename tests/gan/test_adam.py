"""The lean Adam is torch's own, step for step, also when it goes on from a saved state."""

import copy

import pytest
import torch
from torch import nn
from torch.optim import Adam

from gan.adam import LeanAdam


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
