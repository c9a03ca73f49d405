"""The engine process: `python -m opta_lmx.engine CONFIG` (an `EngineConfig` as JSON).

One thread and no event loop: receive orders, make a step, receive orders; without work it sleeps until an order arrives. It ends
when the server does.
"""

import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import IO

import msgspec

from opta_core import logs
from opta_core.process.parent_death import die_with_parent

from ..distributed import ring
from ..ipc.framing import Unpacker, packed
from ..ipc.messages import EngineConfig, EngineMessage, LoadFailed, ToEngine
from . import deferred_packages

READ_BYTES = 256 * 1024
# After this time without work, an engine gives back what it keeps to work faster.
REST_S = 1.0
# And after this time more, what may be wanted again moves to the disk.
AWAY_S = 10.0

log = logs.Log("engine")
_decoder = msgspec.json.Decoder(ToEngine)
_encoder = msgspec.json.Encoder()


class ServerConnection:
    """The engine's end of the socket pair. `is_gone`: the server has closed it, or this process was asked to end."""

    def __init__(self, descriptor: int):
        self._socket = socket.socket(fileno=descriptor)
        self._unpacker = Unpacker()
        self.is_gone = False
        # A signal must wake the select of a sleeping process.
        self._signalled, waker = socket.socketpair()
        waker.setblocking(False)
        self._waker = waker
        signal.set_wakeup_fd(waker.fileno())
        signal.signal(signal.SIGTERM, self._on_signal)

    def send(self, messages: list[EngineMessage]) -> None:
        """Send messages; waits while the server does not read."""
        try:
            self._socket.sendall(packed(_encoder.encode(messages)))
        except OSError:
            self.is_gone = True

    def orders(self, *, may_wait: bool, rest: Callable[[], None], give_back: Callable[[], bool]) -> list[bytes]:
        """The orders that arrived; with `may_wait`, wait until there is one.

        When that takes long, `rest` is called once, and later `give_back` until it returns False or an order arrives.
        """
        if may_wait and not self._has_order(REST_S):
            rest()
            if not self._has_order(AWAY_S):
                while give_back() and not self._has_order(0):
                    pass
                self._has_order(None)
        found: list[bytes] = []
        while not self.is_gone:
            try:
                data = self._socket.recv(READ_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self.is_gone = not data
            found += self._unpacker.unpack(data)
            if len(data) < READ_BYTES:
                break
        return found

    def _has_order(self, within_s: float | None) -> bool:
        """Wait for an order, or for a signal; None: as long as it takes."""
        return bool(select.select([self._socket, self._signalled], [], [], within_s)[0])

    def _on_signal(self, *_: object) -> None:
        self.is_gone = True


class FollowerConnection:
    """Stands in for the server on ranks other than 0: their orders come over the ring, and only rank 0 answers."""

    is_gone = False

    def send(self, messages: list[EngineMessage]) -> None:
        """Drop the messages."""

    def orders(self, *, may_wait: bool, rest: Callable[[], None], give_back: Callable[[], bool]) -> list[bytes]:
        """No orders."""
        return []


def serve(config: EngineConfig, others: list[IO[bytes]]) -> None:
    """Load the model, then step while there is work and sleep while there is none. `others`: inputs of the other ranks."""
    server = FollowerConnection() if int(os.environ.get("MLX_RANK", "0")) else ServerConnection(config.descriptor)
    try:
        # Here, so that a missing mlx is reported like a broken model.
        deferred_packages.defer()
        if config.kind == "vision":
            # Processors ask the hub for files that their folder does not have.
            os.environ["HF_HUB_OFFLINE"] = "1"
            from .vision.vision_engine import VisionEngine as Engine
        else:
            from .mlx_engine import MlxEngine as Engine

        engine = Engine(config, server.send)
    except Exception as error:  # whatever is wrong with a model's files, the server must know
        log.exception("model not loaded", folder=config.folder)
        server.send([LoadFailed(message=f"{config.name} cannot be loaded: {error}")])
        return
    log.info("model loaded", model=config.name, seconds=round(engine.seconds, 2))
    server.send([engine.loaded()])
    ranks = engine.ranks
    ranks.others = others
    is_awake = True
    while not server.is_gone:
        # A single engine sleeps here; in a ring, rank 0 wakes the others before all of them exchange orders.
        is_asleep = not engine.is_busy and not ranks.number and not is_awake
        orders = server.orders(may_wait=is_asleep, rest=engine.rest, give_back=engine.give_back)
        if not is_awake:
            ranks.wake()
        for content in ranks.share(orders):
            engine.take(_decoder.decode(content), len(content))
        is_awake = engine.is_busy
        if is_awake:
            engine.step()
        elif ranks.number:
            ranks.sleep()
    engine.save()


if __name__ == "__main__":
    logs.set_up("lmx.engine", "info")
    die_with_parent()
    given = msgspec.json.decode(sys.argv[1], type=EngineConfig)
    woken = ring.begin(given.ring, sys.argv[1:]) if given.ring and "MLX_RANK" not in os.environ else []
    serve(given, woken)
