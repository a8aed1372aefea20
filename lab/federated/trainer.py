"""The federated trainer: rounds of clients and a server, scored, logged, and resumed bit for bit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from lab.federated.answer import Answer, Clients
from lab.federated.config import SERVER_RATE, FederatedConfig, federates
from lab.federated.local import Local
from lab.federated.server import Outcome, Server, floating
from lab.federated.simulation import Simulation
from lab.training.trainer import Context

ACCURACY = "evaluation/accuracy"
TARGET = "evaluation/rounds_to_target"
WORST, MEAN = "evaluation/worst_client", "evaluation/mean_client"
"""Accuracy on a client's own distribution of labels: of the client where it is least, and in the mean of all."""


class FederatedTrainer:
    """One run; obeys :class:`lab.training.trainer.Trainer`. A step is one round.

    No client keeps anything from one round to the next: its samples, its clock and its chance follow from the seed, its
    number and the round. The state is the server's.

    Attributes:
        clients: where answers come from.
        local: what each client does.
        server: the weights.
    """

    def __init__(self, config: FederatedConfig, context: Context) -> None:
        self.step = 0
        self.config = config
        self._context = context
        own = config.federated
        found = federates(own.trainer)
        assert found is not None  # the configuration has looked
        self.model = found.build(config.inner, replace(context, initial=None))
        if context.initial:
            context.initial.load(self.model.models())
        self.local = Local(config, self.model)
        self.server = Server(self.model.models(), own.server, own.normalise, own.norm_limit)
        self.clients: Clients = self._engine()
        self._voices = config.parsed_voices()
        self._shares = self.local.shares()
        self._tally = Tally()
        self._reached: int | None = None

    def advance(self, until: int) -> None:
        """Play rounds until ``self.step == until``."""
        while self.step < until:
            chosen = self.local.chosen(self.step)
            rate = self._voices[SERVER_RATE](self.step) if SERVER_RATE in self._voices else 1.0
            replies = self.clients.replies(self.step, chosen, self.server.weights)
            outcome = self.server.round(replies, rate, self._moved, self._samples)
            self._tell(outcome)
            self._tally.add(outcome)
            self.step += 1

    def _moved(self, answer: Answer) -> Mapping[str, float]:
        return self.local.moved(answer.client, self.step, answer.samples)

    def _samples(self, answer: Answer) -> int:
        return len(self.local.draw(answer.client))

    def _tell(self, outcome: Outcome) -> None:
        for kind, clients in (("refused", outcome.refused), ("dropped", outcome.dropped)):
            for client, reason in clients.items():
                self._context.event(kind, self.step, client=client, reason=reason)
        if not outcome.taken:
            self._context.event(
                "no_update", self.step, reason="no client gave a good answer; the weights stay as they are"
            )

    def metrics(self) -> dict[str, float]:
        """Clock and voices of the server; of the rounds since the last call what clients measured, how many count."""
        self.server.check(self.step)
        position = self.config.parsed_clock().position(self.step)
        row = {"clock/cycle": float(position.cycle), "clock/phase": float(position.phase)}
        row |= {f"voice/{name}": voice(self.step) for name, voice in self._voices.items()}
        return row | self._tally.take()

    def evaluate(self) -> dict[str, float]:
        """Scores of the server's weights; where labels can be right or wrong, also of each client's own distribution.

        ``rounds_to_target`` is the round at which the accuracy was first found to have reached the target, and until it
        has, the present round.
        """
        self.server.install(self.model.models())
        row = dict(self.model.scores(self.step))
        if recalls := self.model.recalls(row):
            known = [label for label in range(self._shares.shape[1]) if label in recalls]
            own = self._shares[:, known] @ [recalls[label] for label in known]
            row |= {WORST: float(own.min()), MEAN: float(own.mean())}
        if ACCURACY in row:
            if self._reached is None and row[ACCURACY] >= self.config.federated.target:
                self._reached = self.step
            row[TARGET] = float(self.step if self._reached is None else self._reached)
        return row

    def state_dict(self) -> dict[str, Any]:
        """The weights by network, what the server's optimiser remembers, and what the next row is made of."""
        self.server.check(self.step)
        return {
            "step": self.step,
            **{name: self._network(name) for name in self.model.models()},
            "server": self.server.state_dict(),
            "tally": self._tally.state_dict(),
            "reached": self._reached,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self.step = int(state["step"])
        models = self.model.models()
        for name, model in models.items():
            model.load_state_dict(state[name])
        self.server.load_state_dict({name: floating(model) for name, model in models.items()}, state["server"])
        self._tally.load_state_dict(state["tally"])
        self._reached = None if state["reached"] is None else int(state["reached"])

    def _network(self, name: str) -> dict[str, torch.Tensor]:
        """A network's whole state: the server's weights, and the counters, which are nobody's."""
        return {**self.model.models()[name].state_dict(), **self.server.weights[name]}

    def _engine(self) -> Clients:
        if self.config.federated.engine == "flower":
            from lab.federated.flower.engine import Flower

            return Flower(self.config, self._context)
        return Simulation(self.local)


class Tally:
    """What is summed up between two rows of the log."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._rounds: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._sums: dict[str, float] = {}

    def add(self, outcome: Outcome) -> None:
        """Take a round in."""
        counts = {"trained": outcome.taken, "refused": outcome.refused, "dropped": outcome.dropped}
        for word, clients in counts.items():
            self._counts[word] = self._counts.get(word, 0) + len(clients)
        found = {f"train/{word}": value for word, value in outcome.found.items()}
        for word, value in ({**found, "update/norm": outcome.update} if outcome.taken else {}).items():
            self._sums[word] = self._sums.get(word, 0.0) + value
            self._rounds[word] = self._rounds.get(word, 0) + 1

    def take(self) -> dict[str, float]:
        """Columns: clients that were good or not, in all; means over the rounds that have each; and it begins anew."""
        row = {f"clients/{word}": float(count) for word, count in self._counts.items()}
        means = {word: total / self._rounds[word] for word, total in self._sums.items()}
        self._begin()
        return row | {word: mean for word, mean in means.items() if math.isfinite(mean)}

    def state_dict(self) -> dict[str, Any]:
        """What the next row is made of."""
        return {
            "rounds": dict(self._rounds),
            "counts": dict(self._counts),
            "sums": dict(self._sums),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with it."""
        self._rounds = {str(word): int(count) for word, count in state["rounds"].items()}
        self._counts = {str(word): int(count) for word, count in state["counts"].items()}
        self._sums = {str(word): float(total) for word, total in state["sums"].items()}
