"""A real trainer of a few lines, as somebody else's package would bring it: noisy descent on x²."""

import os
import signal
from pathlib import Path

import torch
from pydantic import Field

from lab.errors import RunError
from lab.training.config import RunConfig


class TinyConfig(RunConfig):
    noise: float = Field(0.1, ge=0)
    nan_at: int | None = None
    crash_at: int | None = None
    bug_at: int | None = None
    signal_at: int | None = None  # once
    signal: int = signal.SIGKILL

    @classmethod
    def voice_names(cls):
        return {"lr": "the learning rate"}


class TinyTrainer:
    def __init__(self, config, context):
        self.config, self.signalled = config, context.snapshots / "signalled"
        self.step = 0
        self.random = torch.Generator().manual_seed(config.seed)
        self.x = torch.randn(1, generator=self.random)
        self.lr = config.parsed_voices()["lr"]

    def advance(self, until):
        while self.step < until:
            if self.step == self.config.nan_at:
                raise RunError(f"loss is nan at step {self.step}")
            if self.step == self.config.crash_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.step == self.config.signal_at and not self.signalled.exists():
                self.signalled.touch()
                os.kill(os.getpid(), self.config.signal)
            if self.step == self.config.bug_at:
                raise KeyError("forgotten")
            gradient = 2 * self.x + self.config.noise * torch.randn(1, generator=self.random)
            self.x -= float(self.lr(self.step)) * gradient
            self.step += 1

    def metrics(self):
        return {"loss": float(self.x**2)}

    def evaluate(self):
        return {
            "evaluation/closeness": float(1 / (1 + self.x**2)),
            "evaluation/threads": float(torch.get_num_threads()),
        }

    def state_dict(self):
        return {"x": self.x, "step": self.step, "random": self.random.get_state()}

    def load_state_dict(self, state):
        self.x = state["x"].clone()
        self.step = int(state["step"])
        self.random.set_state(state["random"])


class TinyStack:
    def __init__(self, trainers):
        self.trainers = trainers

    def advance(self, until):
        for trainer in self.trainers:
            trainer.advance(until)


class TinyStacks:
    """Trials of one noise are trained one after another in one process, to the bit as if alone; noiseless ones not."""

    def stack_key(self, config):
        return config.model_dump_json(include={"steps", "noise"}) if config.noise else None

    def stack(self, trainers):
        return TinyStack(trainers)


class TinyPlugin:
    name = "tiny"
    summary = "noisy descent on a parabola"
    presets = Path(__file__).parent / "presets"
    step_unit = "step"
    headline = ("evaluation/closeness", "loss")
    stacks = TinyStacks()

    def config_type(self):
        return TinyConfig

    def build(self, config, context):
        return TinyTrainer(config, context)

    def add_commands(self, subparsers):
        pass

    def figures(self, runs, out):
        return []


PLUGIN = TinyPlugin()
