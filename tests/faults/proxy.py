"""A proxy that cuts connections at a random byte, of the request or of the answer."""

import random
import socket
import threading
from contextlib import suppress


class Cutting:
    """Listens on a port of its own and passes on to another; a share of the connections is cut."""

    def __init__(self, target: int, share: float, seed: int) -> None:
        self._target, self._share, self._random = target, share, random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.passed = self.cut = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    cut = self._random.random() < self._share
                    # A request has some 600 bytes and its answer 1,500: both are hit anywhere.
                    side, at = self._random.choice(((0, 700), (1, 1_600)))
                    limits = [1 << 60, 1 << 60]
                    if cut:
                        limits[side] = self._random.randrange(at)
                        self.cut += 1
                    self.passed += 1
                threading.Thread(target=self._pass, args=(client, limits), daemon=True).start()

    def _pass(self, client: socket.socket, limits: list[int]) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self._target), 30) as server:
            pairs = ((client, server, limits[0]), (server, client, limits[1]))
            ways = [threading.Thread(target=_copy, args=pair, daemon=True) for pair in pairs]
            for way in ways:
                way.start()
            for way in ways:
                way.join(60)


def _copy(origin: socket.socket, to: socket.socket, left: int) -> None:
    with suppress(OSError):
        while True:
            piece = origin.recv(min(65_536, left + 1))
            if not piece:
                break
            to.sendall(piece[:left])
            left -= len(piece)
            if left < 0:
                break
    for end in (origin, to):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
