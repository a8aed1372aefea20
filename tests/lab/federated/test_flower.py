"""Flower as the engine: equal weights from equal seeds, nodes that hang up, and mistakes that are one line."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
import torch

from lab.errors import RunError, UserError
from lab.training.config import dump

sys.path.insert(0, str(Path(__file__).parent))
from conftest import DIGITS, RING, Make

with_flower = pytest.mark.skipif(importlib.util.find_spec("flwr") is None, reason="needs the extra flower")
slow = pytest.mark.slow
SKEWED = {
    "federated.offsets": "spread",
    "federated.fraction_train": 0.6,
    "federated.normalise": True,
}
BASES = {"classifier": DIGITS, "gan": RING}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.skipif(importlib.util.find_spec("flwr") is not None, reason="flwr is installed")
def test_without_the_extra_it_is_one_line(make: Make) -> None:
    with pytest.raises(UserError, match="engine: flower needs the extra 'flower'") as caught:
        make(DIGITS, **{"federated.engine": "flower"})
    assert "\n" not in str(caught.value)


@with_flower
@slow
@pytest.mark.parametrize("kind", BASES)
def test_flower_ends_with_the_weights_of_the_simulation(kind: str, make: Make) -> None:
    one = make(BASES[kind], **SKEWED)
    other = make(BASES[kind], **SKEWED, **{"federated.engine": "flower", "federated.workers": 2})
    nodes = [node.pid for node in other.clients._nodes]  # type: ignore[attr-defined]
    one.advance(4)
    other.advance(4)
    for name, own in one.server.weights.items():
        for key, tensor in own.items():
            assert torch.equal(tensor, other.server.weights[name][key]), f"{name}.{key}"
    assert one.metrics() == other.metrics()
    assert one.evaluate() == other.evaluate()
    other.clients.close()
    assert all(gone(pid) for pid in nodes)


@with_flower
@slow
def test_a_node_that_is_killed_is_a_client_that_dropped_out(make: Make) -> None:
    trainer = make(DIGITS, **{"federated.engine": "flower", "federated.workers": 2})
    trainer.advance(1)
    killed = trainer.clients._nodes[0].pid  # type: ignore[attr-defined]
    os.killpg(killed, signal.SIGKILL)
    trainer.advance(3)
    row = trainer.metrics()
    assert row["clients/trained"] + row["clients/dropped"] == 15
    assert row["clients/trained"] >= 13  # the other node took over
    os.killpg(trainer.clients._nodes[1].pid, signal.SIGKILL)  # type: ignore[attr-defined]
    before = trainer.server.weights["network"]["readout.bias"].clone()
    trainer.advance(5)
    assert torch.equal(trainer.server.weights["network"]["readout.bias"], before)
    events = trainer.events  # type: ignore[attr-defined]
    assert {event["kind"] for event in events} >= {"dropped", "no_update"}
    trainer.clients.close()


@with_flower
@slow
def test_a_node_may_be_one_client_alone(make: Make, tmp_path: Path) -> None:
    """The others are not connected, and that is told."""
    address = f"127.0.0.1:{free_port()}"
    file = tmp_path / "config.yaml"
    file.write_text(dump(make(DIGITS).config))
    code = (
        "import sys, time, socket\n"
        "from pathlib import Path\n"
        "from lab.door.yamls import load_yaml\n"
        "from lab.federated.config import FederatedConfig\n"
        "from lab.federated.flower import node\n"
        "from lab.training.config import resolve\n"
        "config = resolve(FederatedConfig, load_yaml(Path(sys.argv[2])))\n"
        "host, port = node.parted(sys.argv[1])\n"
        "while socket.socket().connect_ex((host, port)): time.sleep(0.1)\n"
        "node.join(sys.argv[1], config, Path(sys.argv[3]), client=2)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, address, str(file), str(tmp_path)], stderr=subprocess.DEVNULL
    )
    try:
        trainer = make(DIGITS, **{"federated.engine": "flower", "federated.address": address})
        trainer.advance(2)
        trainer.clients.close()
        row = trainer.metrics()
        assert (row["clients/trained"], row["clients/dropped"]) == (2, 8)
        told = {event["reason"] for event in trainer.events}  # type: ignore[attr-defined]
        assert told == {"it is not connected"}
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()


@with_flower
def test_an_address_that_is_taken_is_one_line(make: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UserError, match=f"federated.address: {address} cannot be served here"):
            make(DIGITS, **{"federated.engine": "flower", "federated.address": address})


@with_flower
@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:0", "127.0.0.1:99999", ":80"])
def test_an_address_that_is_none_is_one_line(address: str, make: Make) -> None:
    with pytest.raises(UserError, match="is not accepted; HOST:PORT"):
        make(DIGITS, **{"federated.engine": "flower", "federated.address": address})


@with_flower
def test_a_server_that_is_not_there_is_told_within_seconds(make: Make, tmp_path: Path) -> None:
    from lab.federated.flower.node import join

    begun = monotonic()
    with pytest.raises(RunError, match=r"nobody answers at 127.0.0.1:\d+ .*begin the server first"):
        join(f"127.0.0.1:{free_port()}", make(DIGITS).config, tmp_path)
    assert monotonic() - begun < 10


def test_a_client_cannot_name_columns_of_the_log_as_it_likes() -> None:
    from lab.federated.flower.wire import FOUND, MOST_WORDS, answer

    sent = {f"{FOUND}{word}": 1.0 for word in ("loss", "loss/generator", "junk/../x", "a b", "", "x" * 41)}
    assert set(answer(0, 1, sent, {}).found) == {"loss", "loss/generator"}
    assert len(answer(0, 1, {f"{FOUND}w{n}": 1.0 for n in range(1000)}, {}).found) == MOST_WORDS
