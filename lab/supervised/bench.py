"""Measures the trainer's step against a script's plain loop, in turns on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from lab.supervised.config import SupervisedConfig
from lab.supervised.samples import prepared
from lab.supervised.trainer import SupervisedTrainer
from lab.training.config import load_yaml, resolve
from lab.training.paths import data_root
from lab.training.timing import compared, timed
from lab.training.trainer import Context

PRESETS = Path(__file__).parent / "presets"
WORKLOADS = {"digits": 100, "fashion-mnist": 6}
"""Presets, a fully connected and a convolutional network, each with the steps of a block."""
RIDING: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "average": (["average"], {}),
    "snapshots": (["snapshots"], {}),
    "swa": (["swa"], {}),
    "weight_decay": (
        ["weight_decay"],
        {"weight_decay": {"follow": "lr", "relation": "anti_phase", "low": 0, "high": 1}},
    ),
    "dropout": (["dropout"], {"dropout": {"follow": "lr", "low": 0.1, "high": 0.4}}),
    "smoothing": (["smoothing"], {"smoothing": {"follow": "lr", "low": 0, "high": 0.2}}),
    "batchnorm": (["batchnorm"], {"batchnorm.momentum": {"follow": "lr", "low": 0.01, "high": 0.2}}),
    "augmentation": ([{"name": "augmentation", "augmentations": ["flip"]}], {}),
    "rehearsal": ([{"name": "rehearsal", "buffer_size": 1000}], {"rehearsal.share": 0.0}),
    "sparsity": (["sparsity"], {"sparsity": 0.9}),
    "focal": (["focal"], {"focal.gamma": {"follow": "lr", "low": 0, "high": 2}}),
    "class_weights": (["class_weights"], {}),
    "logit_adjustment": (["logit_adjustment"], {}),
    "reset": (["reset"], {}),
    "plateau": (["plateau"], {"lr": {"follow": "plateau", "low": 1e-4, "high": 1e-3}}),
}
"""Techniques as they are measured, each with the voices it is given."""
UNFIT = {("batchnorm", "digits")}
"""What a preset's network has nothing for."""
CYCLE = {"wave": "cosine", "low": 1e-4, "high": 1e-3}
"""The learning rate with and without them, on a cycle of 1,000 steps."""
BLOCKS, SHORT = 21, 7
WARM = 2
RATE = 1e-3


def trainer_of(preset: str, place: Path, **changes: Any) -> SupervisedTrainer:
    """A trainer of a preset at step 0, on the CPU.

    Args:
        preset: its name.
        place: for what it keeps.
        changes: of the configuration, as ``--set``.
    """
    config = resolve(SupervisedConfig, load_yaml(PRESETS / f"{preset}.yaml"), {"steps": 10**9, **changes})
    return SupervisedTrainer(config, Context(torch.device("cpu"), data_root(None), place, lambda *a, **k: None))


def measure(short: bool = False) -> dict[str, Any]:
    """Steps of the trainer, without techniques, against those of a plain loop with the same network and Adam."""
    with tempfile.TemporaryDirectory() as place:
        return {
            "what": "classifier steps against the plain loop of PyTorch's quickstart, same network and batches",
            "workloads": {name: _compare(name, steps, Path(place), short) for name, steps in WORKLOADS.items()},
        }


def _compare(preset: str, steps: int, place: Path, short: bool) -> dict[str, Any]:
    """Both in turns, after two blocks of each to warm up."""
    trainer = trainer_of(preset, place, techniques=[], voices={"lr": RATE})
    works = (lambda: trainer.advance(trainer.step + steps), _plain(trainer, steps))
    pairs = [[timed(work, trainer.device) for work in works] for _ in range((SHORT if short else BLOCKS) + WARM)]
    mine, theirs = zip(*pairs[WARM:], strict=True)
    return compared(mine, theirs, steps, "updates", gpu=False)


def measure_techniques(short: bool = False) -> dict[str, Any]:
    """What a step costs with each technique against a step without any; no snapshot, mask or score falls into it.

    Beside a step of a small fully connected network, half a millisecond, what a technique does is seen that is nothing
    beside a convolutional one's.
    """
    with tempfile.TemporaryDirectory() as place:
        return {
            "what": "steps with each technique against steps without",
            "workloads": {
                f"{word}, {preset}": _compare_technique(word, preset, Path(place), short)
                for preset in WORKLOADS
                for word in RIDING
                if (word, preset) not in UNFIT
            },
        }


def _compare_technique(word: str, preset: str, place: Path, short: bool) -> dict[str, Any]:
    """Both in turns; by how much a step with it takes longer, in ``percent`` and in ``microseconds``."""
    techniques, voices = RIDING[word]
    steps = WORKLOADS[preset]
    own = {"techniques": techniques, "voices": {"lr": CYCLE, **voices}}
    trainers = [
        trainer_of(preset, place, clock={"period": 1000}, **sets)
        for sets in (own, {"techniques": [], "voices": {"lr": CYCLE}})
    ]
    works = [partial(_advance, trainer, steps) for trainer in trainers]
    pairs = [[timed(work, torch.device("cpu")) for work in works] for _ in range((SHORT if short else BLOCKS) + WARM)]
    mine, theirs = zip(*pairs[WARM:], strict=True)
    found = compared(mine, theirs, steps, "updates", gpu=False)
    more = 1e6 / found["ours_per_second"] - 1e6 / found["plain_per_second"]
    return found | {"percent": round(100 / found["ratio"] - 100, 1), "microseconds": round(more)}


def _advance(trainer: SupervisedTrainer, steps: int) -> None:
    trainer.advance(trainer.step + steps)


def _plain(trainer: SupervisedTrainer, steps: int) -> Callable[[], None]:
    """The loop of PyTorch's quickstart, with a loss and an accuracy that are read at each step."""
    config, data = trainer.config, trainer.data
    network = config.network.initialised(tuple(data.inputs.shape[1:]), data.classes, torch.Generator())
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    inputs, labels = data.inputs, data.labels

    def work() -> None:
        network.train()
        for _ in range(steps):
            index = torch.randint(len(labels), (config.batch_size,))
            logits = network(prepared(inputs[index]))
            loss = functional.cross_entropy(logits, labels[index])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss.item(), (logits.argmax(dim=1) == labels[index]).float().mean().item()

    return work
