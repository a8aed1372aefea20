"""Whether an address answers, found out in seconds."""

from __future__ import annotations

import socket
import time

from lab.errors import RunError

PAUSE = 0.2
"""Seconds between two tries."""


def reach(host: str, port: int, patience: float) -> None:
    """Wait until somebody listens at an address.

    Raises:
        RunError: nobody did within ``patience`` seconds.
    """
    until = time.monotonic() + patience
    while True:
        try:
            socket.create_connection((host, port), timeout=max(0.1, until - time.monotonic())).close()
            return
        except OSError as error:
            if time.monotonic() + PAUSE >= until or isinstance(error, socket.gaierror):
                words = error.strerror or str(error)
                raise RunError(f"nobody answers at {host}:{port} within {patience:g} s ({words.lower()})") from None
        time.sleep(PAUSE)


def check_own(host: str) -> None:
    """Refuse an address at which this machine cannot listen.

    Raises:
        RunError: it is none of its own.
    """
    try:
        with socket.socket(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][0], socket.SOCK_STREAM) as own:
            own.bind((host, 0))
    except OSError as error:
        words = (error.strerror or str(error)).lower()
        raise RunError(f"worker 0 cannot listen at {host}: it is no address of this machine ({words})") from None
