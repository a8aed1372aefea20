"""What is recorded of both players' weights as they train, against copies taken by hand, and over every kill."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gan import diagnostics
from gan.config import PLAYERS, GanConfig
from gan.diagnostics import MOVES, singular_values
from gan.region.config import RegionConfig
from gan.stack import Stack, stack_key
from gan.trainer import GanTrainer
from lab.errors import UserError
from lab.training import checkpoints
from lab.training.config import load_yaml, resolve
from lab.training.restoring import restore

Make = Callable[..., GanTrainer]
SMALL = ("steps=24", "batch_size=16", "clock.period=8", "snapshot_every=1000", "log_every=4", "evaluate_every=8")
KINDS = {
    "plain": ("ring", ()),
    "many updates": ("ring", ("updates=simultaneous", "discriminator_steps=2", "lookahead={every: 4}")),
    "extragradient": ("ring", ("updates=extragradient", "optimizer=sgd")),
    "captured": ("ring", ("capture=on",)),
    "normalised": ("ring", ("discriminator.spectral=true",)),
    "told classes": ("digits", ("conditional=true",)),
    "bfloat16": ("digits", ("precision=bfloat16",)),
}
COLUMNS = {f"{name}/{player}" for name in MOVES for player in PLAYERS}


def weights(trainer: GanTrainer) -> dict[str, Tensor]:
    networks = {name: getattr(trainer, name) for name in PLAYERS}
    return {name: torch.cat([p.detach().double().reshape(-1) for p in n.parameters()]) for name, n in networks.items()}


def recorded(row: Mapping[str, float]) -> dict[str, float]:
    return {
        name: value for name, value in row.items() if name.split("/")[0] in (*MOVES, "singular_value", "stable_rank")
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_log_says_what_copies_by_hand_say(make: Make, kind: str) -> None:
    name, sets = KINDS[kind]
    trainer = make(name, *SMALL, *sets)
    seen = [weights(trainer)]
    for step in range(1, 9):
        trainer.advance(step)
        seen.append(weights(trainer))
        if step % 4 == 0:
            row = trainer.metrics()
            for player in PLAYERS:
                start, first, before, after = (seen[at][player] for at in (0, step - 2, step - 1, step))
                moved, last = after - before, before - first
                assert row[f"update_ratio/{player}"] == pytest.approx(float(moved.norm() / before.norm()), rel=1e-6)
                assert row[f"distance/{player}"] == pytest.approx(float((after - start).norm()), rel=1e-6)
                cosine = float(moved @ last / (moved.norm() * last.norm()))
                assert row[f"update_cosine/{player}"] == pytest.approx(cosine, abs=1e-5)
        else:
            assert not recorded(trainer.metrics())


def test_singular_values_are_those_of_every_layer_where_scores_are_due(make: Make) -> None:
    trainer = make("digits", *SMALL)
    trainer.advance(4)
    assert recorded(trainer.metrics()).keys() == COLUMNS
    trainer.advance(8)
    row = recorded(trainer.metrics())
    shapes = {  # of the matrices, by the layers' names
        "generator/0": (4 * 4 * 32, 32), "generator/4": (1, 32 * 16),
        "discriminator/0": (32, 16), "discriminator/3": (1, 32 * 16),
    }  # fmt: skip
    layers = {"generator": trainer.generator, "discriminator": trainer.discriminator}
    expected = {}
    for name, shape in shapes.items():
        player, layer = name.split("/")
        weight = layers[player].get_submodule(layer).weight.detach()
        weight = weight.transpose(0, 1) if name == "generator/4" else weight
        values = torch.linalg.svdvals(weight.reshape(shape).double())
        expected[f"singular_value/{name}"] = float(values[0])
        if 1 not in shape:
            expected[f"stable_rank/{name}"] = float(values.square().sum() / values[0] ** 2)
    assert {name: value for name, value in row.items() if name not in COLUMNS} == pytest.approx(expected, rel=1e-6)


def test_a_normalised_layer_shows_the_weight_that_it_multiplies_by(make: Make) -> None:
    trainer = make("ring", *SMALL, "discriminator.spectral=true")
    trainer.advance(8)
    row = trainer.metrics()
    layer = trainer.discriminator.get_submodule("2")
    own = float(torch.linalg.svdvals(layer.parametrizations.weight.original.detach())[0])
    assert row["singular_value/discriminator/2"] == pytest.approx(1.0, abs=0.05)
    assert own != pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_training_does_not_depend_on_it(make: Make, kind: str) -> None:
    name, sets = KINDS[kind]
    states = []
    for choice in ("true", "false"):
        trainer = make(name, *SMALL, *sets, f"diagnostics={choice}")
        for step in (3, 8, 16, 19):
            trainer.advance(step)
            row = trainer.metrics()
            assert (choice == "true") == bool(recorded(row)) or step in (3, 19)
        states.append({f"{part}.{key}": t for part, own in trainer.state_dict().items() if part in (*PLAYERS, "ema")
                       for key, t in own.items()})  # fmt: skip
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@pytest.mark.parametrize("log_every", [1, 2, 3, 5])
@pytest.mark.parametrize("read", [True, False])
def test_after_a_kill_at_any_step_the_log_is_the_same(make: Make, tmp_path: Path, log_every: int, read: bool) -> None:
    sets = (*SMALL, f"log_every={log_every}")
    ends = [step for step in range(1, 13) if step % log_every == 0]

    def rows(trainer: GanTrainer, ends: list[int]) -> list[dict[str, float]]:
        return [recorded(row) for end in ends if trainer.advance(end) is None and (row := trainer.metrics())]

    whole = rows(make("ring", *sets), ends)
    assert all(row.keys() >= COLUMNS for row in whole[1:])
    for kill in range(1, 12):
        killed = make("ring", *sets)
        rows(killed, [end for end in ends if end < kill])
        killed.advance(kill)
        if read and kill in ends:
            killed.metrics()
        place = tmp_path / f"{log_every}-{read}-{kill}"
        checkpoints.save(place, kill, killed.state_dict())
        resumed = make("ring", *sets)
        restore(resumed, checkpoints.load_newest(place)[1], "it")
        left = [end for end in ends if end > kill or (end == kill and not read)]
        assert rows(resumed, left) == whole[len(ends) - len(left) :], kill


def test_a_checkpoint_holds_nothing_of_it_once_the_row_is_written(make: Make) -> None:
    trainer = make("ring", *SMALL)
    trainer.advance(4)
    assert "diagnostics" in trainer.state_dict()
    trainer.metrics()
    assert "diagnostics" not in trainer.state_dict()


def test_a_checkpoint_from_before_there_was_any_of_it_is_gone_on_with(
    make: Make, preset: Callable[..., GanConfig]
) -> None:
    old = make("ring", *SMALL, "diagnostics=false")
    old.advance(7)
    new = make("ring", *SMALL)
    restore(new, old.state_dict(), "it")
    new.advance(8)
    row = recorded(new.metrics())
    assert COLUMNS - row.keys() == {f"update_cosine/{player}" for player in PLAYERS}  # of step 7 nothing is known
    assert preset("ring").diagnostics, "a configuration without the key"


def test_a_state_of_other_networks_is_refused(make: Make) -> None:
    other = make("ring", *SMALL)
    other.advance(7)
    state = copy.deepcopy(other.state_dict())
    for wrong in ({"last": {"generator": torch.zeros(3)}}, {"found": torch.zeros(2)}, {"last": {"generator": 1}}):
        with pytest.raises(UserError, match=r"^it does not fit its configuration \(") as caught:
            restore(make("ring", *SMALL), {**state, "diagnostics": wrong}, "it")
        assert "\n" not in str(caught.value)


def test_a_step_that_moves_nothing_has_no_cosine(make: Make) -> None:
    trainer = make("ring", *SMALL, "voices.lr.generator=0")
    trainer.advance(4)
    row = trainer.metrics()
    assert (row["update_ratio/generator"], row["distance/generator"]) == (0.0, 0.0)
    assert "update_cosine/generator" not in row
    assert "update_cosine/discriminator" in row


def test_a_member_of_a_stack_logs_what_it_would_alone(make: Make) -> None:
    sets = [(*SMALL, f"seed={seed}", f"voices.lr.generator={rate}") for seed, rate in enumerate((1e-3, 3e-3, 5e-4))]
    stack = Stack([make("ring", *own) for own in sets])
    stack.advance(8)
    assert stack_key(stack.members[0].config) is not None
    for member, own in zip(stack.members, sets, strict=True):
        alone = make("ring", *own)
        alone.advance(8)
        expected = recorded(alone.metrics())
        assert len(expected) > len(COLUMNS)
        assert recorded(member.metrics()) == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_of_many_layers_some_are_recorded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "MOST_LAYERS", 3)
    trainer = make("ring", *SMALL, "generator.depth=7", "generator.width=4")
    row = singular_values({"generator": trainer.generator})
    assert [name for name in row if name.startswith("singular_value")] == [
        f"singular_value/generator/{layer}" for layer in (0, 6, 14)
    ]


def test_what_is_no_answer_is_refused(preset: Callable[..., GanConfig]) -> None:
    for wrong in ("maybe", "1", "{every: 2}"):
        with pytest.raises(UserError, match=r"^diagnostics.*(true|boolean)") as caught:
            preset("ring", f"diagnostics={wrong}")
        assert "\n" not in str(caught.value)
    region = load_yaml(Path(diagnostics.__file__).parent / "region" / "presets" / "ring.yaml")
    assert not resolve(RegionConfig, region).of_member().diagnostics
    with pytest.raises(UserError, match="diagnostics"):
        resolve(RegionConfig, region, ["diagnostics=true"])


def test_looking_at_normalised_layers_leaves_their_vectors_alone(make: Make) -> None:
    trainer = make("ring", *SMALL, "discriminator.spectral=true")
    before = copy.deepcopy(trainer.discriminator.state_dict())
    singular_values({"discriminator": trainer.discriminator})
    after = trainer.discriminator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert trainer.discriminator.training


def test_a_frozen_part_of_a_network_stays_frozen() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    network[1].eval()
    singular_values({"generator": network})
    assert [module.training for module in network] == [True, False]
