"""The engine child: `python -m opta_lmx.engine_process CONFIG` (an `EngineConfig` as JSON).

Listens to one socket; everything of mlx happens on the main thread, between looks at it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from opta_core import logs
from opta_core.bus import Dealer, Frames
from opta_core.process import die_with_parent
from opta_core.zmq_bus import ZmqBus

from . import ring
from .engine_messages import Cancel, Embed, EngineConfig, Generate, LoadFailed, Message, Ping, ToEngine, Tokenize, Trim
from .mlx_engine import Engine

log = logs.Log("engine")
_decoder = msgspec.json.Decoder(ToEngine)
_encoder = msgspec.json.Encoder()


async def serve(config: EngineConfig, others: list[IO[bytes]]) -> None:
    """Load, then step while there is work and wait when there is none. `others`: inputs of the other ranks of a ring."""
    orders: list[bytes] = []
    arrived, ending = asyncio.Event(), asyncio.Event()

    def on_message(frames: Frames) -> None:
        orders.append(frames[0])
        arrived.set()

    def on_end() -> None:
        ending.set()
        arrived.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, on_end)
    send = _to_nobody if int(os.environ.get("MLX_RANK", "0")) else _to_front(config, on_message)
    try:
        engine = Engine(config, send)
    except Exception as error:  # whatever is wrong with a model's files, the front has to know
        log.exception("model not loaded", folder=config.folder)
        send([LoadFailed(message=f"{config.name} cannot be loaded: {error}")])
        await asyncio.sleep(0.2)
        return
    log.info("model loaded", model=config.name, seconds=round(engine.seconds, 2))
    send([engine.loaded()])
    ranks = engine.ranks
    ranks.others = others
    while not ending.is_set():
        told, orders[:] = ranks.share(list(orders)), []
        for content in told:
            _take(engine, _decoder.decode(content), send)
        if engine.is_busy:
            engine.step()
            await asyncio.sleep(0)
        elif ranks.number:
            ranks.sleep()
        else:
            if not orders:
                arrived.clear()
                await arrived.wait()
            ranks.wake()
    engine.save()


def _to_nobody(messages: list[Message]) -> None:
    """What the ranks beside the first one say, which is the same as it says."""


def _to_front(config: EngineConfig, on_message: Callable[[Frames], None]) -> Callable[[list[Message]], None]:
    dealer: Dealer = ZmqBus(Path(config.run)).dealer(config.socket, on_message, f"engine.{os.getpid()}")

    def send(messages: list[Message]) -> None:
        dealer.send([_encoder.encode(messages)])

    return send


def _take(engine: Engine, order: ToEngine, send: Callable[[list[Message]], None]) -> None:
    match order:
        case Generate():
            engine.start(order)
        case Embed():
            engine.embed(order)
        case Tokenize():
            engine.tokenize(order)
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
    asyncio.run(serve(given, woken))
