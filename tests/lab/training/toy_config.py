"""The toy trainer's configuration; imports no torch, so that a mistake is answered at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.training.config import Config, RunConfig


class Network(Config):
    widths: tuple[int, ...] = (16, 16)
    gain: float = 1.0


class ToyConfig(RunConfig):
    network: Network = Network()
    batch: int = 32
    break_at: int | None = None

    @classmethod
    def voice_names(cls) -> Mapping[str, str]:
        return {"lr.net": "learning rate", "noise": "input noise"}

    @classmethod
    def optional_voices(cls) -> Sequence[str]:
        return ("noise",)
