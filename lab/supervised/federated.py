"""How classifiers learn from parts of the data: what the plug-in offers to federated training."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lab.errors import UserError
from lab.supervised.config import SupervisedConfig
from lab.supervised.samples import prepared
from lab.supervised.step import STATISTICS, learn
from lab.supervised.trainer import SupervisedTrainer
from lab.techniques.groups import REST
from lab.techniques.technique import Batch
from lab.training.epochs import Epochs
from lab.training.local import Work, pull
from lab.training.randomness import stream
from lab.training.trainer import Context, unheard

CHANCE = "random"
"""The state of a technique that has nothing but a generator of its own."""
RECALL = "evaluation/recall/"
WITHOUT_STATE: Mapping[str, Any] = {"techniques": [], "groups": {}, "layer_decay": 1.0, "tasks": None, "deployed": None}
"""What of a preset clients cannot have, and what is in its place."""


def build(config: SupervisedConfig, context: Context) -> LocalClassifier:
    """The network of a configuration."""
    return LocalClassifier(config, context)


def plain(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A preset without techniques, tasks and groups of parameters, and without their voices."""
    voices = mapping.get("voices")
    kept = {"voices": {"lr": voices["lr"]}} if isinstance(voices, Mapping) and "lr" in voices else {}
    return {**{name: value for name, value in mapping.items() if name not in WITHOUT_STATE}, **kept}


class LocalClassifier(SupervisedTrainer):
    """A classifier whose every training begins anew; obeys :class:`lab.training.local.LocalModel`.

    Techniques that only change a step (dropout, augmentation, smoothing, weight decay, …) ride along, conducted by the
    voices of the work; those with a state or a moment of their own are refused.
    """

    rate_voices: Mapping[str, str] = {"network": "lr"}

    def __init__(self, config: SupervisedConfig, context: Context) -> None:
        super().__init__(config, replace(context, event=unheard))
        for name in ("tasks", "groups"):
            if getattr(config, name):
                raise UserError(f"{name}: clients have none; leave it out")
        if config.optimizer.counters:
            raise UserError(
                f"optimizer: {config.optimizer.name!r} keeps a state from round to round, as no client does"
            )
        for word, each in self.techniques.each.items():
            if set(each.state_dict()) - {CHANCE} or each.moments() or each.predictors() or each.levels():
                raise UserError(
                    f"techniques.{word}: it keeps a state from round to round, as no client does; leave it out"
                )
        self.labels: Tensor = self.data.labels
        self.batch_size: int = config.batch_size
        self._inputs, self._given = self.data.inputs.to(self.device), self.data.labels.to(self.device)
        self._set = {name: target for each in self.techniques.each.values() for name, target in each.targets().items()}
        self._conductor.step(0)

    def learn(self, work: Work) -> dict[str, float]:
        """Train it on its samples in random order, epoch after epoch."""
        self.network.train()
        for name, value in work.values.items():
            if name in self._set:
                self._set[name](value)
        self.optimizer.state.clear()  # as if it had never stepped; techniques know it, so that it stays the same object
        order = Epochs(len(work.part), stream(work.seed, "order"))
        for use, random in self._randoms.items():
            random.manual_seed(stream(work.seed, use).initial_seed())
        for word, each in self.techniques.each.items():
            if CHANCE in each.state_dict():
                each.load_state_dict({CHANCE: stream(work.seed, f"technique {word}", self.device).get_state()})
        total = torch.zeros(len(STATISTICS), device=self.device)
        with ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []))
            torch.manual_seed(work.seed)
            stack.enter_context(pull(self.optimizer, work.proximal_mu))
            for step, rate in enumerate(work.rates["lr"]):
                self._groups.set(self.optimizer, {REST: rate})
                index = work.part[order.take(self.batch_size)].to(self.device)
                samples = self._inputs[index]
                batch = Batch(prepared(samples), self._given[index], stored=samples)
                total += learn(self.network, self._parameters, self.optimizer, self.techniques, batch, step)
                self.techniques.stepped(step, work.values)
        means = (total / len(work.rates["lr"])).tolist()
        return dict(zip(STATISTICS, means, strict=True))

    def scores(self, step: int) -> dict[str, float]:
        """As of any classifier."""
        self.step = step
        return self.evaluate()

    def recalls(self, row: Mapping[str, float]) -> dict[int, float]:
        """The columns ``evaluation/recall/…``."""
        return {int(name.removeprefix(RECALL)): value for name, value in row.items() if name.startswith(RECALL)}
