"""A node of Flower's: a process that trains as one client, or as whichever the server asks it to be."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path
from typing import Any

from lab.errors import RunError, UserError
from lab.federated.flower.wire import ANY, CLIENT, ROUND, flower, numbers, packed, unpacked

PATIENCE = 5.0
"""Seconds that a server may take to answer the door."""


def join(address: str, config: Any, data_dir: Path, client: int = ANY) -> None:
    """Train for a server until it lets go.

    Args:
        address: HOST:PORT of the server.
        config: of the run, the same as the server's.
        data_dir: where data lie here.
        client: its number; a node without one stands for any.

    Raises:
        UserError: the extra is missing, the address is not one, or a client has no data.
        RunError: nobody answers at the address.
    """
    common = flower()
    reach(address)
    import grpc
    from flwr.client import NumPyClient, start_client  # what they check at import is after telemetry was turned off

    local = local_of(config, data_dir)

    class Node(NumPyClient):  # type: ignore[misc]  # flwr has no types here
        """What Flower asks of a client."""

        def get_properties(self, config: dict[str, Any]) -> dict[str, Any]:
            return {CLIENT: client}

        def fit(self, parameters: list[Any], config: dict[str, Any]) -> tuple[list[Any], int, dict[str, Any]]:
            weights = unpacked(common.ndarrays_to_parameters(parameters), begun)
            asked = int(config[CLIENT])
            if client not in (ANY, asked):
                raise ValueError(f"asked to be client {asked}, this is {client}")
            answer = local.answer(asked, int(config[ROUND]), weights)
            arrays = common.parameters_to_ndarrays(packed(answer.weights))
            return arrays, answer.samples, numbers(answer)

    from lab.federated.server import floating

    begun = {name: floating(model) for name, model in local.model.models().items()}
    try:
        start_client(
            server_address=address, client=Node().to_client(), insecure=True, max_retries=3, max_wait_time=PATIENCE
        )
    except grpc.RpcError as error:
        raise RunError(f"the server at {address} hung up ({type(error).__name__})") from None


def local_of(config: Any, data_dir: Path) -> Any:
    """What clients of a configuration do, here."""
    from lab.federated.config import federates
    from lab.federated.local import Local
    from lab.training.device import resolve_device
    from lab.training.trainer import Context

    found = federates(config.federated.trainer)
    assert found is not None
    context = Context(resolve_device(config.device), data_dir, data_dir, lambda *args, **data: None)
    return Local(config, found.build(config.inner, context))


def parted(address: str) -> tuple[str, int]:
    """Host and port of an address.

    Raises:
        UserError: it is not one.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise UserError(f"address {address!r} is not accepted; HOST:PORT, such as 127.0.0.1:8080, is")
    return host.strip("[]"), int(port)


def reach(address: str) -> None:
    """Whether somebody answers at an address.

    Raises:
        UserError: the address is none.
        RunError: nobody does.
    """
    try:
        socket.create_connection(parted(address), timeout=PATIENCE).close()
    except OSError as error:
        raise RunError(f"nobody answers at {address} ({error.strerror or error}); begin the server first") from None


def main() -> int:
    """The process that the engine begins: the configuration is a file of the run's."""
    from lab.door.yamls import load_yaml
    from lab.federated.config import FederatedConfig
    from lab.training.config import resolve
    from lab.training.device import set_threads

    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("config", type=Path)
    parser.add_argument("data_dir", type=Path)
    args = parser.parse_args()
    set_threads(1)
    join(args.address, resolve(FederatedConfig, load_yaml(args.config)), args.data_dir)
    return 0


if __name__ == "__main__":
    main()
