"""The server's side of Flower: nodes connect, each is asked to be one client after the other, answers come in order."""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from lab.errors import RunError, UserError
from lab.federated.answer import Absence, Answer, Reply, Weights
from lab.federated.config import FederatedConfig
from lab.federated.flower.node import parted
from lab.federated.flower.wire import ANY, CLIENT, ROUND, answer, flower, packed, unpacked
from lab.training.config import dump
from lab.training.trainer import Context

LOOPBACK = "127.0.0.1"
WAIT = 120.0
"""Seconds that nodes may take to come, at the beginning."""
SLOW = 600.0
"""Seconds that a client may take for a round."""
FAREWELL = 2.0
"""Seconds that a node may take to let go."""
POLL = 0.2
"""Seconds between two looks at who has come."""


class Flower:
    """Obeys :class:`lab.federated.answer.Clients`.

    Args:
        config: without an address, so many nodes as it has workers are begun here, on loopback; with one, so many are
            waited for there. A node that says which client it is stands for that one alone.
        context: of the run.

    Raises:
        UserError: the extra is missing, or the address cannot be served.
        RunError: the nodes did not come.
    """

    def __init__(self, config: FederatedConfig, context: Context) -> None:
        self._common = flower()
        from flwr.server import SimpleClientManager
        from flwr.server.superlink.fleet.grpc_bidi.grpc_server import start_grpc_server

        self._config = config
        own = config.federated
        address = own.address or f"{LOOPBACK}:{_free_port()}"
        _check_free(address)
        self._manager = SimpleClientManager()
        server = start_grpc_server(client_manager=self._manager, server_address=address)
        self._place = tempfile.TemporaryDirectory(prefix="lab-flower-")
        self._nodes: list[subprocess.Popen[bytes]] = []
        self._end = weakref.finalize(self, _end, self._manager, server, self._nodes, self._place)
        atexit.register(self._end)
        if own.address is None:
            self._begin_nodes(address, context.data_dir)
        self._wait(own.workers)
        self._who: dict[str, int] = {}

    def _begin_nodes(self, address: str, data_dir: Path) -> None:
        file = Path(self._place.name) / "config.yaml"
        file.write_text(dump(self._config))
        command = [sys.executable, "-m", "lab.federated.flower.node", address, str(file), str(data_dir)]
        for _ in range(self._config.federated.workers):
            # Ctrl-C is the server's to answer: it ends them.
            self._nodes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                                stderr=subprocess.DEVNULL, start_new_session=True))  # fmt: skip

    def _wait(self, wanted: int) -> None:
        until = monotonic() + WAIT
        while self._manager.num_available() < wanted:
            if self._nodes and all(node.poll() is not None for node in self._nodes):
                status = self._nodes[0].returncode
                self.close()
                raise RunError(f"engine: flower: every node ended, with status {status}, before it had come")
            if monotonic() > until:
                came = self._manager.num_available()
                self.close()
                raise RunError(f"engine: flower: {came} of {wanted} nodes came within {WAIT:g} s")
            self._manager.wait_for(wanted, timeout=POLL)

    def replies(self, step: int, chosen: Sequence[int], weights: Weights) -> Iterator[Reply]:
        """Every node takes the next client as soon as it is free; answers are told in the order of ``chosen``.

        All answers of a round are held until the last is there: sums in another order would not be the same to the bit.
        """
        found: dict[int, Reply] = {}
        open_to_any: queue.SimpleQueue[int] = queue.SimpleQueue()
        nodes = self._connected()
        named = {client: node for node, client in nodes.items() if client != ANY}
        free = [node for node, client in nodes.items() if client == ANY]
        parameters = packed(weights)
        threads = []
        for client in chosen:
            if client in named:
                threads.append(self._thread(found, named[client], [client], step, parameters, weights))
            elif free:
                open_to_any.put(client)
            else:
                found[client] = Absence(client, "it is not connected")
        threads += [self._thread(found, node, _taken(open_to_any), step, parameters, weights) for node in free]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in chosen:
            yield found.get(client, Absence(client, "no node was left to be it"))

    def _connected(self) -> dict[str, int]:
        """The nodes that are there, by their names at Flower, with the client each of them is."""
        present = self._manager.all()
        for name, proxy in present.items():
            if name not in self._who:
                asked = self._common.GetPropertiesIns(config={})
                with contextlib.suppress(Exception):  # it went while it was asked: it is no node
                    properties = proxy.get_properties(asked, timeout=SLOW, group_id=None).properties
                    self._who[name] = int(properties.get(CLIENT, ANY))
        return {name: self._who[name] for name in present if name in self._who}

    def _thread(
        self, found: dict[int, Reply], node: str, clients: Any, step: int, parameters: Any, weights: Weights
    ) -> threading.Thread:
        def work() -> None:
            for client in clients:
                found[client] = reply = self._ask(node, client, step, parameters, weights)
                if isinstance(reply, Absence):
                    return  # the others take over what is left

        return threading.Thread(target=work, daemon=True)

    def _ask(self, node: str, client: int, step: int, parameters: Any, weights: Weights) -> Reply:
        proxy = self._manager.all().get(node)
        if proxy is None:
            return Absence(client, "its node has gone")
        asked = self._common.FitIns(parameters=parameters, config={ROUND: step, CLIENT: client})
        try:
            sent = proxy.fit(asked, timeout=SLOW, group_id=step)
        except Exception as error:  # whatever a connection can end with
            return Absence(client, f"its node hung up in the middle of the round ({type(error).__name__})")
        if sent.status.code != self._common.Code.OK:
            return Absence(client, f"it failed: {sent.status.message[:200]}")
        try:
            given = unpacked(sent.parameters, weights)
        except Exception:  # bytes of any content; an answer without weights is refused by the server
            return Answer(client, sent.num_examples, {}, {})
        return answer(client, sent.num_examples, sent.metrics, given)

    def close(self) -> None:
        """Let the nodes go, and end those that were begun here."""
        self._end()


def _taken(clients: queue.SimpleQueue[int]) -> Iterator[int]:
    """What is left of a queue, one after the other."""
    with contextlib.suppress(queue.Empty):
        while True:
            yield clients.get_nowait()


def _end(
    manager: Any, server: Any, nodes: list[subprocess.Popen[bytes]], place: tempfile.TemporaryDirectory[str]
) -> None:
    farewell = flower().ReconnectIns(seconds=None)
    for proxy in list(manager.all().values()):  # each that lets go is taken out
        with contextlib.suppress(Exception):  # it may be gone, or not listen
            proxy.reconnect(farewell, timeout=FAREWELL, group_id=None)
    server.stop(grace=None)
    for node in nodes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(node.pid, signal.SIGKILL)
    for node in nodes:
        node.wait()
    place.cleanup()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


def _check_free(address: str) -> None:
    """Whether this machine can serve an address.

    Raises:
        UserError: it cannot.
    """
    host, port = parted(address)
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except OSError as error:
        raise UserError(f"federated.address: {address} cannot be served here ({error.strerror or error})") from None
