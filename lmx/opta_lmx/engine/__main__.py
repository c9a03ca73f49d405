"""The engine child: `python -m opta_lmx.engine CONFIG` (an `EngineConfig` as JSON).

One thread and no event loop: look at the wire, make a step, look at the wire; without work it sleeps until the front says something.
It ends when the front does.
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
from opta_core.process.process import die_with_parent

from ..distributed import ring
from ..ipc.framing import Unpacker, packed
from ..ipc.messages import Cancel, Embed, EngineConfig, Generate, LoadFailed, Message, Ping, ToEngine, Tokenize, Trim
from .engine import Engine

READ_BYTES = 256 * 1024

log = logs.Log("engine")
_decoder = msgspec.json.Decoder(ToEngine)
_encoder = msgspec.json.Encoder()


class Front:
    """The front, as the child sees it. `is_gone`: it has hung up, or wants this process to end."""

    def __init__(self, descriptor: int):
        self._socket = socket.socket(fileno=descriptor)
        self._unpacker = Unpacker()
        self.is_gone = False
        # Whatever wakes a sleeping process has to be something that select can see.
        self._signalled, waker = socket.socketpair()
        waker.setblocking(False)
        self._waker = waker
        signal.set_wakeup_fd(waker.fileno())
        signal.signal(signal.SIGTERM, self._on_signal)

    def send(self, messages: list[Message]) -> None:
        """Say it; waits while the front is behind."""
        try:
            self._socket.sendall(packed(_encoder.encode(messages)))
        except OSError:
            self.is_gone = True

    def orders(self, *, may_wait: bool) -> list[bytes]:
        """What the front has said since; when there is nothing, waits for it or not."""
        if may_wait:
            select.select([self._socket, self._signalled], [], [])
        found: list[bytes] = []
        while not self.is_gone:
            try:
                data = self._socket.recv(READ_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self.is_gone = not data
            found += self._unpacker.feed(data)
            if len(data) < READ_BYTES:
                break
        return found

    def _on_signal(self, *_: object) -> None:
        self.is_gone = True


class Nobody:
    """What the ranks of a ring beside the first one have for a front: they hear by the ring, and say what the first one says."""

    is_gone = False

    def send(self, messages: list[Message]) -> None:
        """Nothing."""

    def orders(self, *, may_wait: bool) -> list[bytes]:
        """None."""
        return []


def serve(config: EngineConfig, others: list[IO[bytes]]) -> None:
    """Load, then step while there is work and wait when there is none. `others`: inputs of the other ranks of a ring."""
    front = Nobody() if int(os.environ.get("MLX_RANK", "0")) else Front(config.descriptor)
    try:
        engine = Engine(config, front.send)
    except Exception as error:  # whatever is wrong with a model's files, the front has to know
        log.exception("model not loaded", folder=config.folder)
        front.send([LoadFailed(message=f"{config.name} cannot be loaded: {error}")])
        return
    log.info("model loaded", model=config.name, seconds=round(engine.seconds, 2))
    front.send([engine.loaded()])
    ranks = engine.ranks
    ranks.others = others
    is_awake = True
    while not front.is_gone:
        # Alone, a sleeping engine sleeps here; in a ring the first one wakes the others before all of them meet.
        orders = front.orders(may_wait=not engine.is_busy and not ranks.number and not is_awake)
        if not is_awake:
            ranks.wake()
        for content in ranks.share(orders):
            _take(engine, _decoder.decode(content), len(content), front.send)
        is_awake = engine.is_busy
        if is_awake:
            engine.step()
        elif ranks.number:
            ranks.sleep()
    engine.save()


def _take(engine: Engine, order: ToEngine, size: int, send: Callable[[list[Message]], None]) -> None:
    match order:
        case Generate():
            engine.start(order, size)
        case Embed():
            engine.embed(order, size)
        case Tokenize():
            engine.tokenize(order, size)
        case Cancel(id=id_):
            engine.cancel(id_)
        case Trim(bytes=size):
            engine.trim(size)
        case Ping():
            send([engine.loaded()])


if __name__ == "__main__":
    logs.set_up("lmx.engine", "info")
    die_with_parent()
    given = msgspec.json.decode(sys.argv[1], type=EngineConfig)
    woken = ring.begin(given.ring, sys.argv[1:]) if given.ring and "MLX_RANK" not in os.environ else []
    serve(given, woken)
