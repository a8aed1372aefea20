"""What `lab federated` has beside `train`: its `--engine`, and `join`, by which one is a client of a Flower server."""

from __future__ import annotations

import argparse

from lab.cli import options


def add_train_options(parser: argparse.ArgumentParser) -> None:
    """Of `lab federated train`."""
    text = "what clients are (--set federated.engine=…)"
    parser.add_argument("--engine", choices=("simulation", "flower"), help=text)


def sets(args: argparse.Namespace) -> list[str]:
    """What the options change in the configuration."""
    return [] if args.engine is None else [f"federated.engine={args.engine}"]


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command beside ``train``."""
    join = subparsers.add_parser(
        "join",
        help="train for a server, as a client of Flower's (extra flower)",
        description="Train for a server that was begun with --engine flower and federated.address. Configuration and "
        "data are this machine's own; the server sends weights, the round and the client's number.",
    )
    join.add_argument("address", metavar="HOST:PORT", help="of the server")
    join.add_argument("preset", metavar="PRESET|FILE", help="the server's configuration, such as its run's config.yaml")
    join.add_argument("--client", type=int, metavar="K", help="which client this is (default: whichever is asked for)")
    options.add_set_option(join)
    options.add_device_option(join)
    options.add_threads_option(join)
    options.add_data_option(join)
    join.set_defaults(run=_join)


def _join(args: argparse.Namespace) -> int:
    from lab.errors import UserError
    from lab.federated.config import FederatedConfig
    from lab.federated.flower.node import join
    from lab.federated.flower.wire import ANY
    from lab.training.config import load_yaml, resolve
    from lab.training.device import set_threads
    from lab.training.paths import data_root
    from lab.training.plugins import preset_path, trainer

    path = preset_path(trainer("federated"), args.preset)
    sets = [*args.set, *([f"device={args.device}"] if args.device else [])]
    config = resolve(FederatedConfig, load_yaml(path), sets, source=str(path))
    clients = config.federated.clients
    if args.client is not None and not 0 <= args.client < clients:
        raise UserError(f"--client {args.client}: 0 to {clients - 1} are accepted, as there are {clients}")
    set_threads(args.threads)
    join(args.address, config, data_root(args.data_dir), ANY if args.client is None else args.client)
    print(f"the server at {args.address} has let go")
    return 0
