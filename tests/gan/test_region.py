from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gan.region.config import Region, RegionConfig
from gan.region.figures import save_maps, trained
from gan.region.plugin import PLUGIN
from gan.region.trainer import RegionTrainer
from lab.cli.main import main
from lab.errors import UserError
from lab.training.config import load_yaml, resolve
from lab.training.trainer import Context

SMALL = (
    "steps=24",
    "clock.period=8",
    "batch_size=16",
    "evaluation_samples=64",
    "generator.width=8",
    "discriminator.width=8",
    "region.rates=[0.001, 0.01]",
    "region.ratios=[1, 4]",
)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., RegionTrainer]:
    def build(*sets: str) -> RegionTrainer:
        config = resolve(RegionConfig, load_yaml(PLUGIN.presets / "ring.yaml"), ["device=cpu", *SMALL, *sets])
        return RegionTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))

    return build


def weights(trainer: RegionTrainer) -> list[torch.Tensor]:
    return [w for member in trainer.members.values() for w in member.average.network.state_dict().values()]


@pytest.mark.parametrize("sets", [(), ("voices.gp.weight=1",)], ids=["stacked", "one by one"])
def test_every_cell_is_the_gan_of_its_rates(
    make: Callable[..., RegionTrainer], sets: tuple[str, ...], tmp_path: Path
) -> None:
    from gan.config import GanConfig
    from gan.trainer import GanTrainer

    region = make(*sets)
    region.advance(10)
    mapping = load_yaml(PLUGIN.presets / "ring.yaml")
    del mapping["region"]
    rates = ("voices.lr.generator=0.01", "voices.lr.discriminator=0.04")
    own = [text for text in SMALL if not text.startswith("region")]
    config = resolve(GanConfig, mapping, ["device=cpu", *own, *rates, *sets])
    alone = GanTrainer(config, Context(torch.device("cpu"), tmp_path, tmp_path, lambda *a, **k: None))
    alone.advance(10)
    cell = region.members["0.01x4"]
    for mine, theirs in zip(cell.generator.parameters(), alone.generator.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-2, atol=1e-3)


def test_a_resumed_region_ends_bit_identical(make: Callable[..., RegionTrainer]) -> None:
    whole = make()
    for step in (4, 8, 11):
        whole.advance(step)
        whole.evaluate()
    state = copy.deepcopy(whole.state_dict())
    whole.advance(16)
    resumed = make()
    resumed.load_state_dict(state)
    resumed.advance(16)
    assert all(map(torch.equal, weights(whole), weights(resumed)))
    assert whole.evaluate() == resumed.evaluate()


def test_trained_is_of_means_since_the_cycle_began(make: Callable[..., RegionTrainer]) -> None:
    trainer = make("region.success={modes: 4, good: 0.5}")
    now = iter([(8.0, 0.9), (1.0, 0.2), (3.0, 0.4), (8.0, 0.9), (6.0, 0.7), (8.0, 0.9)])

    def scores(name: str, member: object) -> dict[str, float]:
        return {"modes": current[0], "good": current[1]}

    trainer._scores = scores  # type: ignore[method-assign]
    found = []
    for step in (4, 8, 12, 16, 20, 24):
        trainer.step, current = step, next(now)
        found.append(trainer.evaluate()["evaluation/trained"])
    assert found == [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]


def test_a_lost_cell_stops_and_scores_nothing(make: Callable[..., RegionTrainer]) -> None:
    trainer = make()
    trainer.advance(4)
    with torch.no_grad():
        next(trainer.members["0.01x1"].generator.parameters()).fill_(float("nan"))
    trainer.advance(6)
    assert trainer.metrics()["cells/lost"] == 1
    trainer.advance(8)
    row = trainer.evaluate()
    assert row["evaluation/good@0.01x1"] == row["evaluation/modes@0.01x1"] == 0
    assert [name for name in trainer.members if name not in trainer._alive()] == ["0.01x1"]
    state = copy.deepcopy(trainer.state_dict())
    again = make()
    again.load_state_dict(state)
    again.advance(10)
    trainer.advance(10)
    assert again.metrics()["cells/lost"] == 1
    assert torch.equal(*(t.members["0.001x4"].generator.state_dict()["0.weight"] for t in (trainer, again)))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("region.rates=[1e-3, 1e-3]", r"region.rates: \[0.001, 0.001\] is not accepted; positive numbers, each once"),
        ("region.ratios=[0]", "region.ratios"),
        ("data=spiral", "data: 'spiral' has no modes to cover"),
        ("region.success.good=1.5", "region.success.good"),
    ],
)
def test_mistakes(make: Callable[..., RegionTrainer], change: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        make(change)
    assert "\n" not in str(caught.value)


def test_maps_count_seeds(tmp_path: Path) -> None:
    good, bad = {"good": 0.9, "modes": 8.0}, {"good": 0.9, "modes": 5.0}
    cells = {"0.001x1": (good, bad), "0.001x4": (good, good), "0.01x1": (bad, bad), "0.01x4": (bad, good)}
    seeds = [{f"{key}@{name}": own[seed][key] for name, own in cells.items() for key in good} for seed in range(2)]
    region = Region(rates=(0.001, 0.01), ratios=(1.0, 4.0))
    np.testing.assert_array_equal(trained(seeds, region), [[0.5, 1.0], [0.0, 0.5]])
    saved = save_maps({"constant": seeds, "b$_{": seeds[:1]}, region, tmp_path)
    assert "constant: 50% of the cells" in saved.alt
    assert (tmp_path / "region.png").stat().st_size > 1000


def test_the_map_of_a_study_goes_by_the_success_that_it_states(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stated = {
        "hypothesis": "no cell is too hard",
        "trainer": "region",
        "preset": "ring",
        "seeds": 1,
        "set": {"region.success": {"modes": 0, "good": 0}},
        "arms": {"constant": {}},
        "metric": "trained.last",
        "direction": "higher",
    }
    (tmp_path / "easy.yaml").write_text(json.dumps(stated))
    words = ["study", str(tmp_path / "easy.yaml"), "--results", str(tmp_path), "--jobs", "1"]
    assert main([*words, *(word for text in SMALL for word in ("--set", f"set.{text}"))]) == 0
    capsys.readouterr()
    assert main(["region", "map", "easy", "--results", str(tmp_path)]) == 0
    assert "constant: 100% of the cells" in capsys.readouterr().out
    assert (tmp_path / "easy" / "figures" / "region.png").is_file()


@pytest.mark.slow
def test_the_stack_is_measured_by_lab_bench(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gan.region import bench

    monkeypatch.setattr(bench, "SIZES", (2, 3, 4))
    assert main(["bench", "region", "--short"]) == 0
    assert "stack of 3: " in capsys.readouterr().out
