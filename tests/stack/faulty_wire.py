"""A wire between functions and an engine that can be cut, in every way in which an engine can be away."""

import json
import socket
import struct
import threading
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import Self

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
THROTTLED = json.dumps({"__type": "com.amazonaws#ProvisionedThroughputExceededException", "message": "slower"}).encode()


class Fault(StrEnum):
    NONE = "none"
    REFUSES = "refuses connections"
    RESETS = "resets connections"
    STALLS = "takes requests and never answers"
    THROTTLES = "answers every request with a throttling error"


class FaultyWire:
    """A TCP proxy on a port of its own; a change of its fault ends every connection through it."""

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listener = listening(0)
        self.port: int = self._listener.getsockname()[1]
        self._fault = Fault.NONE
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def set(self, fault: Fault) -> None:
        before, self._fault = self._fault, fault
        if fault is Fault.REFUSES:
            self._stop_listening()
        elif before is Fault.REFUSES:
            self._listener = listening(self.port)
            threading.Thread(target=self._accept, daemon=True).start()
        self._end_connections()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_listening()
        self._end_connections()

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()

    def _end_connections(self) -> None:
        with self._lock:
            ending, self._open = self._open, set()
        for each in ending:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        listener = self._listener
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            self._remember(near)
            match self._fault:
                case Fault.NONE:
                    self._join(near)
                case Fault.RESETS:
                    near.recv(1)
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                case Fault.STALLS:
                    while near.recv(65536):
                        pass
                case Fault.THROTTLES:
                    throttle(near)

    def _join(self, near: socket.socket) -> None:
        with socket.create_connection(self._target) as far:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._remember(far)
            back = threading.Thread(target=carry, args=(far, near), daemon=True)
            back.start()
            carry(near, far)
            back.join()

    def _remember(self, each: socket.socket) -> None:
        with self._lock:
            self._open.add(each)


def listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def throttle(near: socket.socket) -> None:
    with near.makefile("rwb") as stream:
        while stream.readline():
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            stream.read(length)
            stream.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(THROTTLED) + THROTTLED)
            stream.flush()
