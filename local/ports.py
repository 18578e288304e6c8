"""Ports on the loopback interface: is one free, and which ones are."""

import socket

from local.console import NotReady

LOOPBACK = "127.0.0.1"


def require_free(port: int, purpose: str, variable: str) -> None:
    """Raise NotReady, with the way out, when something already listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as reason:
            raise NotReady(
                f"Port {port} ({purpose}) on {LOOPBACK} cannot be used: {reason.strerror}.\n"
                f"Stop what listens there, or take another one: make run {variable}={port + 1}"
            ) from None


def free_ports(count: int) -> list[int]:
    """As many different ports as asked for, all free at this moment."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
