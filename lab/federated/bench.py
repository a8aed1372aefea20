"""Measures a round against a plain script's FedAvg, and memory and time of a round against the number of clients."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from lab.errors import RunError
from lab.federated.config import FederatedConfig
from lab.federated.trainer import FederatedTrainer
from lab.training.config import resolve
from lab.training.timing import compared, timed
from lab.training.trainer import Context

CLIENTS = (10, 100, 1_000, 10_000, 100_000)
TRAINED = 10
"""Clients that train in a round, whatever their number."""
ROUNDS = 5
BLOCKS, SHORT = 15, 5
WARM = 2
DIGITS: dict[str, Any] = {
    "steps": 10**9,
    "data": {"name": "digits"},
    "network": {"network": "mlp", "hidden": [128]},
    "batch_size": 32,
    "clock": {"period": 20},
    "voices": {"lr": {"wave": "cosine", "low": 0.0, "high": 0.2}},
    "federated": {"clients": TRAINED, "partition": "shards", "local_steps": 20, "offsets": "spread"},
}


def trainer_of(**changes: Any) -> FederatedTrainer:
    """A trainer of the digits at round 0, on the CPU."""
    config = resolve(FederatedConfig, DIGITS, changes)
    return FederatedTrainer(config, Context(torch.device("cpu"), Path(), Path(), lambda *args, **data: None))


def measure(short: bool = False) -> dict[str, Any]:
    """Rounds of the trainer against those of a plain loop with the same network, samples and steps."""
    trainer = trainer_of()
    works = (lambda: trainer.advance(trainer.step + ROUNDS), _plain(trainer))
    pairs = [[timed(work, torch.device("cpu")) for work in works] for _ in range((SHORT if short else BLOCKS) + WARM)]
    mine, theirs = zip(*pairs[WARM:], strict=True)
    return {
        "what": "federated rounds of ten clients, 20 local steps each, against a plain loop of FedAvg",
        "workloads": {"digits": compared(mine, theirs, ROUNDS, "rounds", gpu=False)},
    }


def _plain(trainer: FederatedTrainer) -> Callable[[], None]:
    """What one would write: a copy of the weights a client, torch's SGD, and a mean."""
    network: nn.Module = trainer.model.models()["network"]
    data = trainer.model.data  # type: ignore[attr-defined]  # a classifier has it
    inputs, labels = data.inputs.float() / 127.5 - 1, data.labels
    parts = [torch.from_numpy(trainer.local.draw(client)) for client in range(TRAINED)]
    shared = {key: tensor.clone() for key, tensor in network.state_dict().items()}

    def work() -> None:
        for _ in range(ROUNDS):
            sums = {key: torch.zeros_like(tensor) for key, tensor in shared.items()}
            for part in parts:
                network.load_state_dict(shared)
                optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
                order = part[torch.randperm(len(part))]
                for step in range(20):
                    index = order[torch.arange(32 * step, 32 * step + 32) % len(order)]
                    loss = functional.cross_entropy(network(inputs[index]), labels[index])
                    optimizer.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                for key, tensor in network.state_dict().items():
                    sums[key] += tensor / TRAINED
            shared.update(sums)

    return work


def measure_clients(short: bool = False) -> dict[str, Any]:
    """Of each number of clients a process of its own: what a round takes, and the most memory it ever had.

    Ten clients train in a round, each with 64 samples that it draws for itself; the ratio is that of the time of a
    round with the fewest clients to this one's.
    """
    rows = {clients: _alone(clients, 20 if short else 100) for clients in (CLIENTS[::2] if short else CLIENTS)}
    first = rows[CLIENTS[0]]
    return {
        "what": f"a federated round in which {TRAINED} clients train, by how many there are, each in a process",
        "workloads": {
            f"{clients}": {
                "ratio": round(first["seconds"] / row["seconds"], 3),
                "ratio_quartiles": [round(first["seconds"] / row["seconds_quartiles"][k], 3) for k in (1, 0)],
                "ours_per_second": round(1 / row["seconds"], 1),
                "plain_per_second": round(1 / first["seconds"], 1),
                "unit": f"rounds per second of processor time; at most {row['megabytes']:.1f} MB",
                "megabytes": round(row["megabytes"], 1),
                "begins_after_seconds": round(row["begun"], 2),
                "blocks": row["rounds"],
            }
            for clients, row in rows.items()
        },
    }


def _alone(clients: int, rounds: int) -> dict[str, Any]:
    """Measured in a process of its own, whose peak of memory is nobody else's."""
    done = subprocess.run(
        [sys.executable, "-m", "lab.federated.bench", str(clients), str(rounds)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RunError(f"bench clients: {clients} clients: {done.stderr.strip().splitlines()[-1:]}")
    begun, low, median, high, megabytes = map(float, done.stdout.split())
    return {
        "seconds": median,
        "seconds_quartiles": [low, high],
        "megabytes": megabytes,
        "begun": begun,
        "rounds": rounds,
    }


def _measured(clients: int, rounds: int) -> tuple[float, ...]:
    torch.set_num_threads(1)
    begun = time.process_time()
    trainer = trainer_of(
        **{"federated.clients": clients, "federated.samples": 64, "federated.fraction_train": TRAINED / clients}
    )
    begun = time.process_time() - begun
    seconds = []
    for _ in range(rounds):
        before = time.process_time()
        trainer.advance(trainer.step + 1)
        seconds.append(time.process_time() - before)
    trainer.evaluate()
    low, median, high = statistics.quantiles(seconds[1:], n=4)
    return begun, low, median, high, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(*_measured(int(sys.argv[1]), int(sys.argv[2])))
