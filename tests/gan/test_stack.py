from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch

from gan.config import GanConfig
from gan.stack import Stack, stack_key
from gan.trainer import GanTrainer

Make = Callable[..., GanTrainer]
SMALL = ("batch_size=32", "generator.width=16", "discriminator.width=16", "clock.period=8", "snapshot_every=1000")
KINDS = {
    "plain": (),
    # Not by Adam: it divides gradients that are zero but for rounding, as of a shift of all outputs, by their own size.
    "relativistic": ("loss=relativistic", "voices.r1.weight=0.1", "voices.r2.weight=0.2", "optimizer=sgd"),
    "lazy": ("voices.r1.weight=0.5", "penalty_every=3", "updates=simultaneous", "discriminator_steps=2"),
    "extragradient": ("updates=extragradient", "optimizer=sgd"),
    "closed loop": ("balance=closed_loop",),
    "two generators": ("generator_steps=2",),
    "tasks": ("steps=24", "tasks={number: 4, buffer_size: 20}", "voices.rehearsal.share=0.3"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_is_its_members_alone(make: Make, kind: str) -> None:
    waves = ("1.0e-3", "{wave: cosine, low: 0.0, high: 2.0e-3}", "{wave: cosine, low: 0.0, high: 1.0e-3, offset: 0.25}")

    def members() -> list[GanTrainer]:
        own = [(f"seed={seed}", f"voices.lr.generator={wave}") for seed, wave in enumerate(waves)]
        return [make("ring", *SMALL, *KINDS[kind], *sets) for sets in own]

    stack = Stack(members())
    stack.advance(3)
    stack.advance(12)
    for member, alone in zip(stack.members, members(), strict=True):
        alone.advance(12)
        assert member.step == 12
        for name in ("generator", "discriminator", "ema"):
            mine, theirs = member.state_dict()[name], alone.state_dict()[name]
            for key in theirs:
                torch.testing.assert_close(mine[key], theirs[key], rtol=1e-3, atol=1e-4)
        mine, theirs = member.metrics(), alone.metrics()
        assert mine.keys() == theirs.keys()
        assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-4)


def test_a_member_is_saved_and_goes_on_alone(make: Make) -> None:
    stack = Stack([make("ring", *SMALL, f"seed={seed}") for seed in range(2)])
    stack.advance(6)
    state = copy.deepcopy(stack.members[1].state_dict())
    alone = make("ring", *SMALL, "seed=1")
    alone.load_state_dict(state)
    alone.advance(9)
    stack.advance(9)
    for mine, theirs in zip(stack.members[1].generator.parameters(), alone.generator.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-5)


def test_what_can_be_stacked(preset: Callable[..., GanConfig]) -> None:
    ring = stack_key(preset("ring"))
    assert ring is not None
    assert stack_key(preset("ring", "seed=7", "voices.lr.generator=1e-5")) == ring
    assert stack_key(preset("ring", "batch_size=128")) not in (ring, None)
    assert stack_key(preset("ring", "voices.r1.weight=0.1")) not in (ring, None)
    for sets in ("voices.gp.weight=1", "voices.noise.std=0.1", "lookahead={every: 5}", "packing=2"):
        assert stack_key(preset("ring", sets)) is None
    assert stack_key(preset("digits")) is None
    assert stack_key(preset("ring", "loss={loss: tests.gan.test_own_parts:PerSample}")) is None
