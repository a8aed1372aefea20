"""Floquet multipliers of a GAN in training: what one whole cycle of its own steps makes of a small deviation.

Training under periodic learning rates is a periodically driven system. With Φ the map that one cycle of P steps makes
of all that the next cycle depends on (both networks' weights and what their optimisers remember), on a fixed sequence
of batches, the eigenvalues of its Jacobian at the present state are the multipliers μ; the largest decides whether
deviations grow, by |μ|^(1/P) − 1 a step (Floquet 1883; Meiss, Differential Dynamical Systems, 2007, section 2.8).

The Jacobian is never made. A product with a deviation goes through the cycle step by step beside the weights: what a
step does to it follows from the gradient's derivative along it (a Hessian-vector product, so penalties are covered) and
from the optimiser's own update, differentiated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator
from torch import Tensor
from torch.nn.utils import parametrize, vector_to_parameters

from gan.config import PLAYERS
from gan.cosines import cycle_at, rates_over
from gan.spectrum import copied
from gan.step import Game
from gan.trainer import GanTrainer
from lab.diagnostics.spectrum import Complexes, leading
from lab.errors import UserError

Floats = NDArray[np.float64]
State = dict[str, list[Tensor]]
"""For each player its weights and each thing that its optimiser remembers of them, flat."""
Memory = Mapping[Any, Mapping[str, Tensor]]
"""The state of one of torch's optimisers."""


@dataclass(frozen=True)
class Multipliers:
    """Those of one cycle.

    Attributes:
        step: where the cycle begins.
        period: P, steps in it.
        values: the largest by modulus, first the largest.
    """

    step: int
    period: int
    values: Complexes

    @property
    def growth_per_step(self) -> float:
        """|μ|^(1/P) − 1 of the largest; NaN where none converged."""
        return float(np.abs(self.values[0]) ** (1 / self.period) - 1) if len(self.values) else float("nan")


def multipliers(trainer: GanTrainer, count: int = 4, period: int | None = None, tolerance: float = 1e-6) -> Multipliers:
    """The leading multipliers of the cycle that begins at the trainer's present state.

    Args:
        trainer: at a checkpoint; its data and generators move on by the batches that are drawn.
        count: how many.
        period: steps of the cycle; those of the cycle that both rates share if None.
        tolerance: relative, of a multiplier.

    Raises:
        UserError: a step is more than a function of weights, memories and batches.
    """
    shared = cycle_at(trainer.config, trainer.step)
    if period is None and shared is None:
        raise UserError("the multipliers of a cycle are not measured where both rates share none")
    cycle = Cycle(trainer, period or len(shared or ()))
    values = leading(cycle.operator(), count, tolerance=tolerance)
    return Multipliers(trainer.step, cycle.period, values)


class Cycle:
    """One cycle of a run's steps on batches that are drawn once, as a map of its whole state, in double precision.

    Args:
        trainer: where the cycle begins.
        period: its steps.

    Attributes:
        start: the state there, float64[n]: for each player its weights, then each thing its optimiser remembers.

    Raises:
        UserError: a step is more than a function of weights, memories and batches.
    """

    def __init__(self, trainer: GanTrainer, period: int) -> None:
        _refuse(trainer)
        config, self.period = trainer.config, period
        self._game: Game = copied(trainer.game, torch.float64)
        self._optimizer = config.optimizer
        self._parameters = {name: list(getattr(self._game, name).parameters) for name in PLAYERS}
        states = {name: trainer.players.optimizers[name].state for name in PLAYERS}
        self._taken = {name: _count(states[name]) for name in PLAYERS}
        self.start = np.concatenate([
            _flat(parts)
            for name, player in trainer.players.game.items()
            for parts in (player.parameters, *_remembered(player.parameters, states[name], config.optimizer.memories))
        ])  # fmt: skip
        rounds = sum("discriminator" in players for players in self._game.plan)
        self._batches = [
            [(trainer.game.real(config.batch_size)[0].double(), trainer.game.noise(config.batch_size).double())
             for _ in range(rounds)]
            for _ in range(period)
        ]  # fmt: skip
        self._draws = self._game.random.get_state()  # a penalty's are alike in every play: it is one map
        voices, every = config.parsed_voices(), config.penalty_every
        steps = range(trainer.step, trainer.step + period)
        self._rates = {name: rates.tolist() for name, rates in rates_over(config, steps).items()}
        self._weights = [
            {
                name: float(voices[f"{name}.weight"](step)) * every if step % every == 0 else 0.0
                for name in self._game.penalties
            }
            for step in steps
        ]

    def operator(self) -> LinearOperator:
        """The Jacobian of the cycle at :attr:`start`, [n, n]."""
        size = len(self.start)

        def product(vector: Floats) -> Floats:
            return self.play(self.start, np.asarray(vector, dtype=np.float64).reshape(size))[1]

        return LinearOperator((size, size), matvec=product, dtype=np.float64)

    def play(self, state: Floats, deviation: Floats) -> tuple[Floats, Floats]:
        """The state after the cycle, and what has become of a small deviation from its beginning, both float64[n]."""
        now, along = self._parted(state), self._parted(deviation)
        self._game.random.set_state(self._draws)
        for place in range(self.period):
            self._step(place, now, along)
        return _whole(now), _whole(along)

    def _step(self, place: int, now: State, along: State) -> None:
        """One step of the run, in place, on the state and on the deviation."""
        batches, taken = iter(self._batches[place]), dict.fromkeys(PLAYERS, 0)
        for players in self._game.plan:
            if "discriminator" in players:
                real, noise = next(batches)
            slopes = {name: self._slope(name, real, noise, self._weights[place], now, along) for name in players}
            for name, (slope, turned) in slopes.items():
                each = sum(name in others for others in self._game.plan)
                taken[name] += 1
                self._move(name, slope, turned, place, self._taken[name] + place * each + taken[name], now, along)

    def _move(self, name: str, slope: Tensor, turned: Tensor, place: int, step: int, now: State, along: State) -> None:
        """A player's update by its optimiser, and the derivative of it."""
        rate, memories = self._rates[name][place], self._optimizer.memories

        def update(weight: Tensor, gradient: Tensor, *kept: Tensor) -> tuple[Tensor, ...]:
            after, new = self._optimizer.update(weight, gradient, dict(zip(memories, kept, strict=True)), rate, step)
            return (after, *(new[memory] for memory in memories))

        (weight, *kept), (moving, *kept_moving) = now[name], along[name]
        found = torch.func.jvp(update, (weight, slope, *kept), (moving, turned, *kept_moving))
        now[name], along[name] = list(found[0]), list(found[1])

    def _slope(
        self, name: str, real: Tensor, noise: Tensor, penalties: Mapping[str, float], now: State, along: State
    ) -> tuple[Tensor, Tensor]:
        """A player's gradient, and its derivative along the deviation of both players' weights, each flat."""
        everything = [parameter for player in PLAYERS for parameter in self._parameters[player]]
        with torch.no_grad():
            for player in PLAYERS:
                vector_to_parameters(now[player][0], self._parameters[player])
        due = penalties if name == "discriminator" else dict.fromkeys(penalties, 0.0)  # the generator has none
        objective = self._game.objectives(real, noise, None, due)[PLAYERS.index(name)]
        slopes = torch.autograd.grad(objective, self._parameters[name], create_graph=True, materialize_grads=True)
        slope = torch.cat([part.flatten() for part in slopes])
        dual = torch.zeros_like(slope, requires_grad=True)
        parts = torch.autograd.grad(slope, everything, dual, create_graph=True, materialize_grads=True)
        back = torch.cat([part.flatten() for part in parts])
        (turned,) = torch.autograd.grad(back, dual, torch.cat([along[player][0] for player in PLAYERS]))
        return slope.detach(), turned

    def _parted(self, state: Floats) -> State:
        """A state as each player's weights and memories."""
        sizes = [sum(p.numel() for p in self._parameters[name]) for name in PLAYERS]
        each = 1 + len(self._optimizer.memories)
        parts = torch.split(torch.from_numpy(state.copy()), [size for size in sizes for _ in range(each)])
        return {name: list(parts[each * place : each * (place + 1)]) for place, name in enumerate(PLAYERS)}


def _refuse(trainer: GanTrainer) -> None:
    config, reasons = trainer.config, []
    if config.updates == "extragradient":
        reasons.append("updates: extragradient")
    if config.lookahead:
        reasons.append("lookahead")
    if trainer.rates.watching:
        reasons.append("rates that follow the game")
    if config.tasks:
        reasons.append("data that comes in tasks")
    if config.conditional:
        reasons.append("a conditional game")
    if config.augment or "noise.std" in config.voices:
        reasons.append("samples that are augmented or made noisy")
    networks = trainer.players.networks.values()
    if any(parametrize.is_parametrized(module) for network in networks for module in network.modules()):
        reasons.append("weights that follow from others, as under a spectral norm")
    if reasons:
        raise UserError(f"the multipliers of a cycle are not measured with {reasons[0]}; runs without it are accepted")


def _remembered(parameters: Sequence[Tensor], state: Memory, memories: Sequence[str]) -> list[list[Tensor]]:
    """What an optimiser remembers, a list of tensors a memory; zeros before its first step."""
    return [[state.get(p, {}).get(memory, torch.zeros_like(p)) for p in parameters] for memory in memories]


def _count(state: Memory) -> int:
    """How many steps an optimiser has taken, where it counts them."""
    return max((int(kept["step"]) for kept in state.values() if "step" in kept), default=0)


def _flat(parts: Sequence[Tensor]) -> Floats:
    return np.asarray(torch.cat([part.detach().flatten() for part in parts]).double().cpu().numpy())


def _whole(state: State) -> Floats:
    return _flat([part for name in PLAYERS for part in state[name]])
