"""PhaseLR is a torch scheduler whose resume is right in every order of loading."""

from __future__ import annotations

import io

import pytest
import torch
from torch import nn

from lab.phase import Clock, Constant, PhaseError, Schedule
from lab.phase.pytorch import PhaseLR

ORDERS = [
    ("build", "optimizer", "scheduler"),
    ("build", "scheduler", "optimizer"),
    ("optimizer", "build", "scheduler"),  # torch's own schedulers leave step 0's lr here
]
LR = Schedule(Clock(period=100, stretch=1.5), "cosine", 1e-4, 1e-1)


def make_optimizer(lr: float | torch.Tensor = 123.0) -> torch.optim.SGD:
    return torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=lr, momentum=0.9)


def advance(optimizer: torch.optim.Optimizer, scheduler: PhaseLR, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def test_each_step_trains_with_the_schedules_value() -> None:
    optimizer = make_optimizer()
    scheduler = PhaseLR(optimizer, LR)
    assert isinstance(scheduler, torch.optim.lr_scheduler.LRScheduler)
    assert advance(optimizer, scheduler, 500) == LR.table(500).tolist()
    assert scheduler.get_last_lr() == [LR(500)]


def test_a_schedule_for_each_group() -> None:
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.ones(1))]}, {"params": [nn.Parameter(torch.ones(1))]}])
    scheduler = PhaseLR(optimizer, [LR, Constant(0.5)])
    advance(optimizer, scheduler, 7)
    assert [group["lr"] for group in optimizer.param_groups] == [LR(7), 0.5]


def test_a_tensor_learning_rate_stays_the_same_tensor() -> None:
    rate = torch.tensor(1.0, dtype=torch.float64)
    optimizer = make_optimizer(rate)
    scheduler = PhaseLR(optimizer, LR)
    advance(optimizer, scheduler, 3)
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == LR(3)
    scheduler.load_state_dict({"last_epoch": 9, "_step_count": 10})
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == LR(9) == float(scheduler.get_last_lr()[0])


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_resume_is_exact_in_every_order_of_building_and_loading(order: tuple[str, ...]) -> None:
    optimizer = make_optimizer()
    scheduler = PhaseLR(optimizer, LR)
    advance(optimizer, scheduler, 137)
    file = io.BytesIO()
    torch.save({"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)

    again = make_optimizer()
    for act in order:
        if act == "build":
            resumed = PhaseLR(again, LR)
        elif act == "optimizer":
            again.load_state_dict(saved["optimizer"])
        else:
            resumed.load_state_dict(saved["scheduler"])
    assert resumed.get_last_lr() == [LR(137)]
    assert advance(again, resumed, 100) == LR.table(237)[137:].tolist()


def test_last_epoch_continues_without_a_saved_state_and_starts_right() -> None:
    optimizer = make_optimizer()
    assert advance(optimizer, PhaseLR(optimizer, LR, last_epoch=4), 10) == LR.table(15)[5:].tolist()


def test_the_schedule_given_now_counts_not_the_one_of_the_saved_run() -> None:
    first = make_optimizer()
    scheduler = PhaseLR(first, Schedule(Clock.split(100, 1), "one_cycle", 0.0, 1.0))
    advance(first, scheduler, 50)
    longer = Schedule(Clock.split(1000, 1), "one_cycle", 0.0, 1.0)
    resumed = PhaseLR(first, longer)
    resumed.load_state_dict(scheduler.state_dict())
    assert first.param_groups[0]["lr"] == longer(50)


def test_it_composes_with_torchs_own_schedulers() -> None:
    optimizer = make_optimizer(1.0)
    warm = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5)
    both = torch.optim.lr_scheduler.SequentialLR(optimizer, [warm, PhaseLR(optimizer, LR)], milestones=[5])
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        both.step()
    assert rates[5:] == LR.table(15).tolist()


def test_mistakes_are_refused() -> None:
    with pytest.raises(PhaseError, match=r"schedule: .* expected one schedule, or 1"):
        PhaseLR(make_optimizer(), [LR, LR])
    with pytest.raises(PhaseError, match=r"schedule: 0\.1 is not accepted; expected a schedule or a Constant"):
        PhaseLR(make_optimizer(), 0.1)  # type: ignore[arg-type]
    with pytest.raises(PhaseError, match="last_epoch: -2"):
        PhaseLR(make_optimizer(), LR, last_epoch=-2)
    scheduler = PhaseLR(make_optimizer(), LR)
    with pytest.raises(PhaseError, match=r"state\.T_max: unknown 'T_max'"):
        scheduler.load_state_dict({"last_epoch": 3, "_step_count": 4, "T_max": 10})
    with pytest.raises(PhaseError, match="last_epoch: None"):
        scheduler.load_state_dict({"_step_count": 4})


def test_it_is_resumed_while_it_waits_its_turn() -> None:
    """Torch keeps a scheduler of a SequentialLR at −1 until its milestone; the rates are those of the one before."""

    def built() -> tuple[torch.optim.SGD, torch.optim.lr_scheduler.SequentialLR]:
        optimizer = make_optimizer()
        first, second = PhaseLR(optimizer, LR), PhaseLR(optimizer, Constant(0.5))
        return optimizer, torch.optim.lr_scheduler.SequentialLR(optimizer, [first, second], milestones=[5])

    optimizer, whole = built()
    rates = advance(optimizer, whole, 8)  # type: ignore[arg-type]
    optimizer, cut = built()
    assert advance(optimizer, cut, 3) == rates[:3]  # type: ignore[arg-type]
    again, resumed = built()
    again.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(cut.state_dict())
    assert advance(again, resumed, 5) == rates[3:]  # type: ignore[arg-type]
