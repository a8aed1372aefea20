"""A small real trainer: a torch regression with Adam and a noise generator of its own, on the clock's learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from toy_config import ToyConfig
from toy_plugin import PLUGIN

from lab.phase import Conductor, Schedule
from lab.phase.targets import param_group
from lab.training.finite import FiniteWatch
from lab.training.trainer import Context

__all__ = ["PLUGIN", "ToyConfig", "ToyTrainer"]


class ToyTrainer:
    def __init__(self, config: ToyConfig, context: Context) -> None:
        self.config, self.step = config, 0
        context.event("built", 0)
        self.generator = torch.Generator().manual_seed(config.seed)
        sizes = (4, *config.network.widths, 1)
        layers: list[torch.nn.Module] = []
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            for before, after in pairwise(sizes):
                layers += [torch.nn.Linear(before, after), torch.nn.Tanh()]
        self.net = torch.nn.Sequential(*layers[:-1])
        if context.initial:
            context.initial.load({"net": self.net})
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3)
        lr = config.parsed_voices()["lr.net"]
        assert isinstance(lr, Schedule)
        self.conductor = Conductor({"lr.net": (lr, param_group(self.optimizer, "lr"))})
        self.conductor.on("crest", of="lr.net", do=lambda step: context.event("crest", step, voice="lr.net"))
        self.watch = FiniteWatch(["loss/net"], "cpu")
        self.total, self.count = torch.zeros((), dtype=torch.float64), 0

    def advance(self, until: int) -> None:
        while self.step < until:
            self.lr = self.conductor.step(self.step)["lr.net"]
            x = torch.randn(self.config.batch, 4, generator=self.generator)
            loss = (self.net(x) - x.prod(1, keepdim=True)).square().mean() * self.config.network.gain
            if self.step == self.config.break_at:
                loss = loss / 0
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.watch.observe(self.step, loss.detach().reshape(1))
            self.total += loss.detach()
            self.count += 1
            self.step += 1

    def metrics(self) -> dict[str, float]:
        self.watch.check()
        row = {"voice/lr.net": self.lr, "loss/net": float(self.total) / self.count}
        self.total.zero_()
        self.count = 0
        return row

    def evaluate(self) -> dict[str, float]:
        x = torch.linspace(-1, 1, 40).reshape(10, 4)
        with torch.no_grad():
            return {"evaluation/error": float((self.net(x) - x.prod(1, keepdim=True)).square().mean())}

    def state_dict(self) -> dict[str, Any]:
        self.watch.check()
        return {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "progress": {"step": self.step, "total": self.total, "count": self.count},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.step, self.count = state["progress"]["step"], state["progress"]["count"]
        self.total = state["progress"]["total"]
