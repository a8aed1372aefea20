"""The server: the weights that all share, and how clients' answers move them. Its memory does not grow with answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lab.federated.answer import Answer, Reply, Weights, refusal
from lab.federated.servers import ServerPart
from lab.training.finite import NonFiniteError
from lab.training.restoring import restore_moments


@dataclass
class Outcome:
    """How a round ended.

    Attributes:
        taken: clients whose answers count.
        refused, dropped: the others, with the reason.
        found: what clients measured, in means weighed as their updates.
        update: the norm of the averaged update; 0 where there is none.
    """

    taken: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)
    found: dict[str, float] = field(default_factory=dict)
    update: float = 0.0


class Server:
    """The global weights.

    Args:
        models: whose weights it begins with, by name.
        part: the optimiser.
        normalise: whether each update counts by its direction: divided by ∫lr and multiplied by the mean of all ∫lr
            (:class:`Sums`).
        limit: of an update's norm, see :func:`lab.federated.answer.refusal`.

    Attributes:
        weights: parameters and buffers of floating point.
    """

    def __init__(self, models: Mapping[str, nn.Module], part: ServerPart, normalise: bool, limit: float) -> None:
        self.weights: Weights = {name: floating(model) for name, model in models.items()}
        self._learned = {(name, key) for name, model in models.items() for key, _ in model.named_parameters()}
        self._trained = [
            (name, key, nn.Parameter(own[key])) for name, own in self.weights.items() for key in own
            if (name, key) in self._learned
        ]  # fmt: skip
        self._part, self._normalise, self._limit = part, normalise, limit
        self._optimizer = part.build([parameter for _, _, parameter in self._trained])

    def round(
        self,
        replies: Iterable[Reply],
        rate: float,
        moved: Callable[[Answer], Mapping[str, float]] | None = None,
        samples: Callable[[Answer], int] | None = None,
    ) -> Outcome:
        """Take the answers in, one after the other, and move the weights; a round without a good answer moves nothing.

        Args:
            replies: of the clients that were asked.
            rate: the server's learning rate in this round.
            moved: what a client's own clock makes of ∫lr; looked at where updates are normalised.
            samples: how many a client has; None takes each client's word for it.
        """
        outcome, sums = Outcome(), Sums(self.weights, self._learned if self._normalise else ())
        for reply in replies:
            if not isinstance(reply, Answer):
                outcome.dropped[reply.client] = reply.reason
            elif (reason := self._refusal(reply, moved, samples)) is not None:
                outcome.refused[reply.client] = reason
            else:
                sums.add(reply)
                outcome.taken.append(reply.client)
        if outcome.taken:
            outcome.found = sums.found()
            outcome.update = self._move(sums.update(), rate)
        return outcome

    def _refusal(
        self,
        answer: Answer,
        moved: Callable[[Answer], Mapping[str, float]] | None,
        samples: Callable[[Answer], int] | None,
    ) -> str | None:
        own = moved(answer) if moved is not None and self._normalise else None
        return refusal(answer, self.weights, self._limit, own, samples(answer) if samples is not None else None)

    @torch.no_grad()
    def _move(self, update: Mapping[str, Mapping[str, Tensor]], rate: float) -> float:
        for name, key, parameter in self._trained:
            parameter.grad = update[name][key].to(parameter.dtype).neg_()
        norms = [
            torch.linalg.vector_norm(parameter.grad) for *_, parameter in self._trained if parameter.grad is not None
        ]
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()  # of the weights themselves: the parameters share their memory
        for name, own in self.weights.items():
            for key, tensor in own.items():
                if (name, key) not in self._learned:  # running statistics: averaged, whatever the server's rate
                    tensor += update[name][key].to(tensor.dtype)
        return float(torch.linalg.vector_norm(torch.stack(norms)))

    def install(self, models: Mapping[str, nn.Module]) -> None:
        """Copy the weights into networks."""
        install(self.weights, models)

    def check(self, step: int) -> None:
        """The server's own move may have overflowed.

        Raises:
            NonFiniteError: a weight is not finite.
        """
        for name, own in self.weights.items():
            if not all(bool(tensor.isfinite().all()) for tensor in own.values()):
                raise NonFiniteError(f"weights/{name}", step)

    def state_dict(self) -> dict[str, Any]:
        """What the optimiser remembers."""
        return dict(self._optimizer.state_dict()["state"]) if self._part.memories else {}

    def load_state_dict(self, weights: Weights, moments: Mapping[Any, Any]) -> None:
        """Go on from these weights and what :meth:`state_dict` returned."""
        for name, own in self.weights.items():
            for key, tensor in own.items():
                tensor.copy_(weights[name][key])
        if self._part.memories:
            restore_moments(self._optimizer, {int(k): v for k, v in moments.items()}, self._part.memories)


class Sums:
    """The averaged update of a round, answer by answer, in float64.

    With p_i the client's share of the samples, Δ_i its update and A_i its ∫lr,

        Δ = Σ p_i·Δ_i                                   FedAvg (McMahan et al. 2017)
        Δ = (Σ p_i·A_i) · Σ p_i·Δ_i/A_i                  normalised: FedNova (Wang et al. 2020) for rates that vary

    so that no client counts for more because its clock stands at a crest. A client with A_i = 0 has no direction: the
    others' shares take its place.

    Args:
        weights: that clients begin with.
        normalised: which of them, by network and name, are normalised; running statistics never are.
    """

    def __init__(self, weights: Weights, normalised: Collection[tuple[str, str]] = ()) -> None:
        self._weights, self._normalised = weights, normalised
        self._sums = {
            n: {k: torch.zeros_like(t, dtype=torch.float64) for k, t in own.items()} for n, own in weights.items()
        }
        self._samples = 0
        self._directed = dict.fromkeys(weights, 0)
        self._moved = dict.fromkeys(weights, 0.0)
        self._found: dict[str, tuple[float, int]] = {}

    def add(self, answer: Answer) -> None:
        """Take an answer in that was not refused."""
        samples = answer.samples
        self._samples += samples
        for name, own in self._sums.items():
            moved = answer.moved[name]
            self._moved[name] += samples * moved
            self._directed[name] += samples if moved else 0
            direction = samples / moved if moved else 0.0
            for key, total in own.items():
                factor = direction if (name, key) in self._normalised else samples
                total.add_(answer.weights[name][key].double() - self._weights[name][key].double(), alpha=factor)
        for word, value in answer.found.items():
            if math.isfinite(value):
                so_far, of = self._found.get(word, (0.0, 0))
                self._found[word] = so_far + samples * value, of + samples

    def update(self) -> dict[str, dict[str, Tensor]]:
        """Δ, by network and tensor, float64."""
        found = {}
        for name, own in self._sums.items():
            directed = self._directed[name]
            direction = self._moved[name] / self._samples / directed if directed else 0.0
            found[name] = {
                key: total * (direction if (name, key) in self._normalised else 1 / self._samples)
                for key, total in own.items()
            }
        return found

    def found(self) -> dict[str, float]:
        """What clients measured, in means weighed by samples over those that said it."""
        return {word: total / of for word, (total, of) in self._found.items()}


def floating(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights and buffers that are numbers to be averaged; those that count stay each model's own."""
    return {key: t.detach().clone() for key, t in model.state_dict().items() if t.is_floating_point()}


@torch.no_grad()
def install(weights: Weights, models: Mapping[str, nn.Module]) -> None:
    """Copy weights into networks, in place."""
    for name, model in models.items():
        for key, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(weights[name][key])
