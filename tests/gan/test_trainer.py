from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gan.config import GanConfig
from gan.trainer import GanTrainer
from lab.training import checkpoints
from lab.training.finite import NonFiniteError

Make = Callable[..., GanTrainer]
SMALL = ("steps=24", "batch_size=16", "evaluation_samples=64", "clock.period=8", "snapshot_every=6")


def final(trainer: GanTrainer) -> dict[str, torch.Tensor]:
    state = trainer.state_dict()
    parts = ("generator", "discriminator", "ema")
    return {f"{part}.{name}": t.clone() for part in parts for name, t in state[part].items()}


def assert_identical(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    different = [name for name in a if not torch.equal(a[name], b[name])]
    assert not different


@pytest.mark.parametrize("name", ["ring", "digits"])
@pytest.mark.parametrize(
    "sets", [(), ("updates=simultaneous", "loss=hinge", "penalty_every=3", "voices.r1.weight=0.5")]
)
def test_a_resumed_run_ends_bit_identical(make: Make, tmp_path: Path, name: str, sets: tuple[str, ...]) -> None:
    whole = make(name, *SMALL, *sets)
    whole.advance(11)
    checkpoints.save(tmp_path / "checkpoints", 11, whole.state_dict())
    whole.advance(24)

    resumed = make(name, *SMALL, *sets)
    resumed.advance(2)  # wherever it was before
    resumed.load_state_dict(checkpoints.load_newest(tmp_path / "checkpoints")[1])
    resumed.advance(24)
    assert_identical(final(whole), final(resumed))
    assert whole.metrics() == resumed.metrics()
    assert whole.evaluate() == resumed.evaluate()


def test_looking_does_not_change_training(make: Make) -> None:
    watched, alone = make("digits", *SMALL), make("digits", *SMALL, "snapshot_every=1000")
    for step in range(1, 13):
        watched.advance(step)
        watched.metrics()
        watched.evaluate()
    alone.advance(12)
    assert_identical(final(watched), final(alone))
    assert watched.generator.training, "a look leaves BatchNorm in evaluation mode"


def test_global_random_state_is_neither_used_nor_disturbed(make: Make) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = make("ring", *SMALL)
    first.advance(5)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    second = make("ring", *SMALL)
    second.advance(5)
    assert_identical(final(first), final(second))


def test_seeds_differ(make: Make) -> None:
    a, b = make("ring", *SMALL, "seed=0"), make("ring", *SMALL, "seed=1")
    assert not torch.equal(next(a.generator.parameters()), next(b.generator.parameters()))


def test_the_voices_reach_the_optimisers(make: Make, preset: Callable[..., GanConfig]) -> None:
    trainer = make("ring", *SMALL)
    voices = preset("ring", *SMALL).parsed_voices()
    trainer.advance(4)
    rates = {player: optimizer.param_groups[0]["lr"] for player, optimizer in trainer.players.optimizers.items()}
    assert rates == {player: voices[f"lr.{player}"](3) for player in rates}
    row = trainer.metrics()
    assert row["voice/lr.generator"] == voices["lr.generator"](4)
    assert (row["clock/cycle"], row["clock/phase"]) == (0.0, 0.5)


def test_the_generator_runs_a_quarter_ahead_at_equal_mean(preset: Callable[..., GanConfig]) -> None:
    voices = preset("ring-quadrature").parsed_voices()
    generator, discriminator = (voices[f"lr.{player}"].table(1000) for player in ("generator", "discriminator"))
    np.testing.assert_allclose(generator[:750], discriminator[250:], rtol=1e-12)
    assert generator.mean() == pytest.approx(5e-4)
    assert discriminator.max() / discriminator.min() == pytest.approx(1.95 / 0.05)


def test_crests_and_troughs_are_events(make: Make) -> None:
    trainer = make("ring-quadrature", *SMALL)
    trainer.advance(16)
    troughs = [step for kind, step, data in trainer.events if (kind, data["voice"]) == ("trough", "lr.generator")]
    assert troughs == [2, 10]
    constant = make("ring", *SMALL, "voices.lr.generator=1e-3", "voices.lr.discriminator=1e-3")
    constant.advance(16)
    assert constant.events == []


def test_metrics_have_the_agreed_columns_and_are_means_since_the_last_call(make: Make) -> None:
    trainer = make("ring", *SMALL)
    trainer.advance(3)
    row = trainer.metrics()
    assert {
        "loss/generator", "loss/discriminator", "output/real", "output/fake", "accuracy/discriminator",
        "gradient/generator", "gradient/discriminator", "clock/cycle", "clock/phase",
        "voice/lr.generator", "voice/lr.discriminator", "voice/ema.decay",
    } == row.keys()  # fmt: skip
    assert row["loss/discriminator"] == pytest.approx(2 * np.log(2), rel=0.1)
    assert "loss/generator" not in trainer.metrics()


def test_the_penalty_is_averaged_over_the_steps_that_had_one(make: Make) -> None:
    lazy = make("ring", *SMALL, "penalty_every=4", "voices.r1.weight=0.1")
    eager = make("ring", *SMALL, "penalty_every=1", "voices.r1.weight=0.4")
    lazy.advance(1), eager.advance(1)
    assert_identical(final(lazy), final(eager))
    lazy.advance(4)
    assert lazy.metrics()["penalty/r1"] == eager.metrics()["penalty/r1"]


def test_evaluation_has_both_sets_of_weights(make: Make) -> None:
    names = {"modes", "good", "reverse_kl"}
    assert make("ring", *SMALL).evaluate().keys() == {f"evaluation/{p}{n}" for p in ("", "ema/") for n in names}
    names = {"good", "coverage"}
    assert make("spiral", *SMALL).evaluate().keys() == {f"evaluation/{p}{n}" for p in ("", "ema/") for n in names}


def test_signs_of_overfitting_where_a_part_is_held_out(make: Make) -> None:
    row = make("digits", *SMALL).evaluate()
    assert -1 <= row["overfitting/r_t"] <= 1
    assert "overfitting/r_v" in row
    assert not any(name.startswith("overfitting") for name in make("ring", *SMALL).evaluate())


@pytest.mark.slow
def test_a_discriminator_that_sees_few_images_knows_them_by_heart(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.supervised import datasets

    whole = datasets.digits(Path())
    few = replace(whole, inputs=whole.inputs[:32], labels=whole.labels[:32])
    monkeypatch.setitem(datasets.DATASETS, "digits", lambda data_dir: few)
    trainer = make("digits", "steps=300", "evaluation_samples=100", "voices.r1.weight=0")
    before = trainer.evaluate().get("overfitting/r_v", 0.0)
    trainer.advance(300)
    after = trainer.evaluate()["overfitting/r_v"]
    assert after > 0.3 > before


def test_snapshots_show_the_same_latents_over_time(make: Make, tmp_path: Path) -> None:
    trainer = make("digits", *SMALL, "snapshot_samples=9")
    trainer.advance(13)
    files = sorted((tmp_path / "snapshots").glob("samples-*"))
    assert [file.name for file in files] == [f"samples-{step:09d}.npz" for step in (0, 6, 12)]
    kept = np.load(files[-1])
    assert kept["samples"].shape == kept["ema"].shape == (9, 8, 8)
    assert kept["samples"].dtype == np.uint8
    again = make("digits", *SMALL, "snapshot_samples=9")
    content = files[-1].read_bytes()
    again.advance(13)
    assert files[-1].read_bytes() == content


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_non_finite_loss_is_named_with_its_step(make: Make) -> None:
    trainer = make("ring", *SMALL)
    trainer.advance(5)
    good = copy.deepcopy(trainer.state_dict())
    with torch.no_grad():
        next(trainer.discriminator.parameters()).fill_(float("inf"))
    trainer.advance(8)
    with pytest.raises(NonFiniteError, match=r"loss/.* at step 5"):
        trainer.metrics()
    with pytest.raises(NonFiniteError):
        trainer.state_dict()
    fresh = make("ring", *SMALL)
    fresh.load_state_dict(good)
    fresh.advance(8)
    fresh.metrics()


def test_an_update_that_overflows_is_named_and_never_saved(make: Make) -> None:
    trainer = make("ring", *SMALL, "voices.lr.generator=1.0e+38")
    trainer.advance(1)
    trainer.metrics()  # the loss and gradient of the step before the overflow are finite
    with pytest.raises(NonFiniteError, match="evaluation/samples was not finite at step 1"):
        trainer.evaluate()
    with torch.no_grad():
        next(trainer.generator.parameters()).view(-1)[0] = float("nan")
    with pytest.raises(NonFiniteError, match="weights/generator was not finite at step 1"):
        trainer.state_dict()


@pytest.mark.slow
def test_the_ring_preset_learns_all_eight_modes(make: Make) -> None:
    trainer = make("ring")
    trainer.advance(2000)
    scores = trainer.evaluate()
    assert scores["evaluation/ema/modes"] == 8
    assert scores["evaluation/ema/good"] > 0.8


@pytest.mark.slow
def test_digits_become_like_digits(make: Make) -> None:
    trainer = make("digits", "steps=300")
    before = trainer.evaluate()["evaluation/ema/frechet"]
    trainer.advance(300)
    after = trainer.evaluate()
    assert after["evaluation/ema/frechet"] < 0.2 * before
    assert after["evaluation/ema/modes"] == 10
