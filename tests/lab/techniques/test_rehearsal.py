"""Rehearsal: only what was there before, in totals that do not depend on when, weighed as the settings say."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from lab.errors import UserError
from lab.phase import Clock, Constant, Schedule
from lab.phase.voice import Voice
from lab.techniques.rehearsal import Owed, Rehearsal, RehearsalPart
from lab.techniques.technique import Batch, Host


def host(batch_size: int = 8, samples: int = 1000, seed: int = 0) -> Host:
    network = nn.Linear(2, 3)
    randoms: dict[str, torch.Generator] = {}
    return Host(
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.0),
        device=torch.device("cpu"),
        clock=Clock(16),
        voices={},
        steps=100,
        batch_size=batch_size,
        classes=3,
        counts=torch.tensor([samples, 0, 0]),
        random=lambda use: randoms.setdefault(use, torch.Generator().manual_seed(seed)),
        batches=lambda n: [],
        event=lambda *a, **k: None,
        prepare=lambda samples: samples.float() / 2,
    )


def batch(step: int, n: int = 8) -> Batch:
    """Samples that tell which step brought them."""
    stored = torch.full((n, 2), step, dtype=torch.uint8)
    return Batch(stored.float() / 2, torch.full((n,), step), torch.full((n,), step // 10), stored)


def replayed(voice: Voice, steps: int, own: Host | None = None) -> list[int]:
    """How many samples each step replays."""
    own = own or host()
    mine = RehearsalPart(buffer_size=20).build(own)
    return [len(step_of(mine, voice, step)) - own.batch_size for step in range(steps)]


def step_of(mine: Rehearsal, voice: Voice, step: int) -> Batch:
    mine.targets()["rehearsal.share"](float(voice(step)))
    return mine.batch(batch(step, mine._host.batch_size), step)


CLOCK = Clock(16)
VOICES: dict[str, Voice] = {
    "uniform": Constant(0.1),
    "crest": Schedule(CLOCK, "pulse", 0.0, 0.8),
    "trough": Schedule(CLOCK, "pulse", 0.0, 0.8, offset=0.5),
    "∝ lr": Schedule(CLOCK, "cosine", 0.05, 1.95).matched_to(Constant(0.1)),
    "end of task": Schedule(Clock(160), "pulse", 0.0, 0.8, offset=1 / 16),
    "ramp": Schedule(CLOCK, "sawtooth", 0.0, 1.0).matched_to(Constant(0.1)),
}


@pytest.mark.parametrize("name", VOICES)
def test_every_gate_replays_the_same_total(name: str) -> None:
    """A tenth of 160 batches of 8 is 128."""
    assert sum(replayed(VOICES[name], 160)) == 128


def test_a_gate_replays_when_it_is_open() -> None:
    trough = replayed(VOICES["trough"], 32)
    assert [step for step, n in enumerate(trough) if n] == [7, 8, 23, 24]
    end = replayed(VOICES["end of task"], 160)
    assert {step for step, n in enumerate(end) if n} == set(range(140, 160))
    assert sum(replayed(Constant(0.0), 50)) == 0


@given(st.lists(st.floats(0, 4), min_size=1, max_size=300), st.lists(st.booleans(), min_size=300, max_size=300))
@settings(max_examples=60)
def test_what_is_owed_is_paid_and_no_more(amounts: list[float], ready: list[bool]) -> None:
    owed, paid, exact = Owed(), 0, Fraction(0)
    for amount, now in zip(amounts, ready, strict=False):
        paid += owed.settle(amount, now)
        exact += Fraction(amount)
        assert paid <= exact + Fraction(1, 10**5)
        assert not now or exact - paid < 1
    paid += owed.settle(0.0)
    assert 0 <= float(exact) - paid + 1e-5 < 1 + 1e-5


def test_a_sample_is_replayed_only_after_the_step_that_brought_it() -> None:
    mine = RehearsalPart(buffer_size=4).build(host())
    for step in range(40):
        whole = step_of(mine, Constant(1.0), step)
        new, old = whole.labels[:8], whole.labels[8:]
        assert (new == step).all()
        assert (old < step).all()
        # The very first step has nothing to replay; the second makes up for it.
        assert len(old) == {0: 0, 1: 16}.get(step, 8)


def test_replayed_samples_come_back_whole() -> None:
    mine = RehearsalPart(buffer_size=50).build(host())
    for step in range(30):
        whole = step_of(mine, Constant(0.5), step)
    assert whole.stored is not None
    assert whole.tasks is not None
    assert whole.stored.dtype == torch.uint8
    assert (whole.inputs == whole.stored.float() / 2).all()
    assert (whole.stored[:, 0] == whole.labels).all()
    assert (whole.tasks == whole.labels // 10).all()
    assert mine.reservoir.columns[0].dtype == torch.uint8


def test_samples_that_nobody_stored_are_kept_as_inputs() -> None:
    mine = RehearsalPart(buffer_size=50).build(host())
    mine.targets()["rehearsal.share"](1.0)
    for step in range(3):
        whole = mine.batch(Batch(torch.full((8, 2), step / 3), torch.full((8,), step)), step)
    assert whole.inputs.shape == (16, 2)
    assert whole.tasks is None
    assert torch.allclose(whole.inputs[:, 0] * 3, whole.labels.float())


def test_what_is_kept_does_not_depend_on_what_is_replayed() -> None:
    held = []
    for share in (0.0, 0.3, 2.0):
        mine = RehearsalPart(buffer_size=20).build(host())
        for step in range(60):
            step_of(mine, Constant(share), step)
        held.append(mine.reservoir.columns[1].tolist())
    assert held[0] == held[1] == held[2]


@pytest.mark.parametrize("mean_over", ["new", "all"])
def test_a_replayed_sample_counts_as_the_settings_say(mean_over: str) -> None:
    mine = RehearsalPart.model_validate({"buffer_size": 20, "mean_over": mean_over}).build(host())
    for step in range(3):
        whole = step_of(mine, Constant(0.5), step)
    logits = torch.randn(len(whole), 3, generator=torch.Generator().manual_seed(0))
    log_probs = functional.log_softmax(logits, dim=1)
    labels = whole.labels % 3
    losses = functional.nll_loss(log_probs, labels, reduction="none")
    found = float((mine.loss(losses, log_probs, labels) * whole.weight).mean())
    assert found == pytest.approx(float(losses.sum() / {"new": 8, "all": 12}[mean_over]))


def test_a_state_goes_on_where_it_was_taken() -> None:
    one, two = host(), host()
    first, second = (RehearsalPart(buffer_size=20).build(own) for own in (one, two))
    for step in range(9):
        step_of(first, Constant(0.3), step)
    second.load_state_dict(first.state_dict())
    for use in ("rehearsal.keep", "rehearsal.replay"):
        two.random(use).set_state(one.random(use).get_state())
    for step in range(9, 30):
        mine, theirs = step_of(first, Constant(0.3), step), step_of(second, Constant(0.3), step)
        assert mine.labels.tolist() == theirs.labels.tolist()
    assert first.row() == second.row()


def test_a_buffer_larger_than_the_data_is_refused() -> None:
    with pytest.raises(UserError, match="buffer_size: 2,000 is not accepted; at most 1,000 is, all training samples"):
        RehearsalPart(buffer_size=2000).build(host())
