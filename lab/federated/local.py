"""What one client does in one round: the same whether it is simulated here or is one of Flower's."""

from __future__ import annotations

import math

import numpy as np
import torch

from lab.federated.answer import Answer, Weights
from lab.federated.clocks import Clocks
from lab.federated.config import FederatedConfig
from lab.federated.partition import Draw, Request, label_shares, partition
from lab.federated.server import floating, install
from lab.training.local import LocalModel, Work
from lab.training.randomness import draws

WATCHED = 1000
"""Clients whose own accuracy is computed; of more than that so many are drawn."""


class Local:
    """All clients, none of which keeps anything: samples, clock and chance follow from a client's number.

    Args:
        config: of the run.
        model: the networks that every client trains when its turn comes.

    Attributes:
        draw: the samples of a client.

    Raises:
        UserError: a client would have no data.
    """

    def __init__(self, config: FederatedConfig, model: LocalModel) -> None:
        self.model, self._config = model, config
        own = config.federated
        self.labels = model.labels.numpy()
        self.draw: Draw = partition(own.partition, Request(self.labels, own.clients, own.samples, config.seed))
        self.clocks = Clocks(config.clock, config.voices, own.offsets, own.periods, own.clients)

    def work(self, client: int, step: int) -> Work:
        """What this client learns in a round."""
        part = torch.from_numpy(self.draw(client))
        values = self.clocks.values(client, step)
        steps = self._steps(len(part))
        rates = {name: (values.pop(name),) * steps for name in dict.fromkeys(self.model.rate_voices.values())}
        seed = int(draws(self._config.seed, "client", client, step).integers(2**62))
        return Work(part, rates, values, seed, self._config.federated.proximal_mu)

    def _steps(self, samples: int) -> int:
        """Of a client that learns from so many samples, in a round."""
        own = self._config.federated
        if own.local_epochs is None:
            return own.local_steps
        return max(1, math.ceil(own.local_epochs * samples / self.model.batch_size))

    def moved(self, client: int, step: int, samples: int) -> dict[str, float]:
        """By network, what its clock makes of ∫lr in a round in which it learns from so many samples."""
        values, steps = self.clocks.values(client, step), self._steps(samples)
        return {network: values[voice] * steps for network, voice in self.model.rate_voices.items()}

    def answer(self, client: int, step: int, weights: Weights) -> Answer:
        """What it makes of the weights."""
        models = self.model.models()
        install(weights, models)
        work = self.work(client, step)
        found = self.model.learn(work)
        samples = len(work.part)
        moved = self.moved(client, step, samples)
        return Answer(client, samples, moved, {name: floating(m) for name, m in models.items()}, found)

    def chosen(self, step: int) -> list[int]:
        """Who is asked in a round, in order: a random share of all."""
        own = self._config.federated
        wanted = max(1, round(own.fraction_train * own.clients))
        if wanted == own.clients:
            return list(range(own.clients))
        random = draws(self._config.seed, "chosen", step)
        return sorted(random.choice(own.clients, wanted, replace=False, shuffle=False).tolist())

    def shares(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """Of each watched client the share of each label, float64[clients, labels]."""
        own = self._config.federated
        if own.clients <= WATCHED:
            watched = list(range(own.clients))
        else:
            random = draws(self._config.seed, "watched")
            watched = random.choice(own.clients, WATCHED, replace=False, shuffle=False).tolist()
        return label_shares(self.draw, self.labels, watched)
