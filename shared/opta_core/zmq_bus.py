"""The bus over ZeroMQ ipc sockets: the only file that imports zmq.

Whoever owns a name binds it (after a flock, since a second bind silently steals the path); everyone
else connects, before or after. Sockets are read by `add_reader` on their descriptor with a drain,
which is three times as fast as `zmq.asyncio`.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import zmq
from zmq.backend import Socket as _Raw

from .bus import Frames, OnMessage, OnRequest, OnSubscriber

# Messages taken from one socket before the loop's other work gets its turn.
_DRAIN_MAX = 256
_MESSAGE_BYTES_MAX = 64 * 1024 * 1024
_HWM_FANOUT, _HWM_DIRECT = 100_000, 10_000
# What pyzmq's own conveniences do under their names, a third of the cost: options as numbers, frames without checks.
_send: Any = _Raw.send
_recv: Any = _Raw.recv
_get: Any = _Raw.get
_EVENTS, _POLLIN, _NOBLOCK, _MORE = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE)


class ZmqBus:
    """Sockets under one run directory."""

    def __init__(self, run: Path):
        self._run = run
        self._context: zmq.Context[Any] = zmq.Context(io_threads=1)
        self._context.max_sockets = 256
        self._open: set[_Socket] = set()
        # Called when a connection to another process broke.
        self.on_lost: Callable[[], None] | None = None

    def _lost(self) -> None:
        if self.on_lost is not None:
            self.on_lost()

    def dealer(self, name: str, on_message: OnMessage, identity: str = "") -> "_Socket":
        """`identity` is kept over reconnects; without one, a peer that was away comes back as another."""
        socket = self._socket(zmq.DEALER, _HWM_DIRECT, on_message)
        if identity:
            socket.zmq.setsockopt(zmq.ROUTING_ID, identity.encode())
        socket.zmq.connect(self._address(name))
        return socket

    def router(self, name: str, on_request: OnRequest) -> "_Router":
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        router = _Router(socket, _HWM_DIRECT, lambda frames: on_request(frames[0], frames[1:]), self._open)
        router.watch(self._lost)
        socket.bind(self._address(name))
        return router

    def publisher(self, name: str, on_subscriber: OnSubscriber | None = None) -> "_Publisher":
        def greet(frames: Frames) -> None:
            if on_subscriber is not None and frames[0][:1] == b"\x01":
                on_subscriber()

        socket = self._context.socket(zmq.XPUB if on_subscriber else zmq.PUB)
        publisher = _Publisher(socket, _HWM_FANOUT, greet if on_subscriber else None, self._open)
        socket.bind(self._address(name))
        return publisher

    def subscribe(self, name: str, topics: Sequence[bytes], on_message: OnMessage) -> "_Socket":
        socket = self._socket(zmq.SUB, _HWM_FANOUT, on_message)
        for topic in topics:
            socket.zmq.setsockopt(zmq.SUBSCRIBE, topic)
        socket.zmq.connect(self._address(name))
        return socket

    def close(self) -> None:
        """Close every socket, dropping what is not sent."""
        for socket in list(self._open):
            socket.close()
        self._context.term()

    def _address(self, name: str) -> str:
        return f"ipc://{self._run / name}"

    def _socket(self, kind: int, hwm: int, on_message: OnMessage) -> "_Socket":
        socket = _Socket(self._context.socket(kind), hwm, on_message, self._open)
        socket.watch(self._lost)
        return socket


class _Socket:
    def __init__(self, socket: "zmq.Socket[Any]", hwm: int, on_message: OnMessage | None, registry: "set[_Socket]"):
        self.zmq = socket
        self._on_message = on_message
        self._registry = registry
        registry.add(self)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.SNDHWM, hwm),
            (zmq.RCVHWM, hwm),
            (zmq.RECONNECT_IVL, 10),
            (zmq.RECONNECT_IVL_MAX, 100),
            (zmq.MAXMSGSIZE, _MESSAGE_BYTES_MAX),
        ):
            socket.setsockopt(option, value)
        self._loop = asyncio.get_running_loop()
        self._is_draining = False
        self._monitor: zmq.Socket[Any] | None = None
        if on_message is not None:
            self._loop.add_reader(int(socket.getsockopt(zmq.FD)), self._drain)
            self._wake()

    def send(self, frames: Frames) -> None:
        """Queue a message; dropped when the peer's queue is full."""
        with contextlib.suppress(zmq.Again):
            for frame in frames[:-1]:
                _send(self.zmq, frame, _MORE)
            _send(self.zmq, frames[-1], _NOBLOCK)
        # Sending can consume the edge of the descriptor, so look for input once more.
        if self._on_message is not None and self._has_input():
            self._wake()

    def _has_input(self) -> bool:
        return bool(_get(self.zmq, _EVENTS) & _POLLIN)

    def _receive(self) -> Frames:
        frame = _recv(self.zmq, _NOBLOCK, False)
        frames: Frames = [frame.bytes]
        while frame.more:
            frame = _recv(self.zmq, _NOBLOCK, False)
            frames.append(frame.bytes)
        return frames

    def _wake(self) -> None:
        if not self._is_draining and self._on_message is not None:
            self._is_draining = True
            self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        self._is_draining = False
        if self.zmq.closed or self._on_message is None:
            return
        for _ in range(_DRAIN_MAX):
            if not self._has_input():
                return
            try:
                self._on_message(self._receive())
            except BaseException:
                self._wake()  # what else has arrived must not wait for the next edge
                raise
            if self.zmq.closed:
                return
        self._wake()

    def watch(self, on_lost: Callable[[], None]) -> None:
        """Call `on_lost` whenever a connection of this socket breaks."""
        monitor = self._monitor = self.zmq.get_monitor_socket(zmq.EVENT_DISCONNECTED)

        def look() -> None:
            while not monitor.closed and int(monitor.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
                monitor.recv_multipart(zmq.NOBLOCK)
                on_lost()

        self._loop.add_reader(int(monitor.getsockopt(zmq.FD)), look)
        self._loop.call_soon(look)

    def close(self) -> None:
        if not self.zmq.closed:
            if self._monitor is not None:
                self._loop.remove_reader(int(self._monitor.getsockopt(zmq.FD)))
                self.zmq.disable_monitor()
            if self._on_message is not None:
                self._loop.remove_reader(int(self.zmq.getsockopt(zmq.FD)))
            self.zmq.close(0)
            self._registry.discard(self)


class _Router(_Socket):
    def send(self, peer: bytes, frames: Frames) -> None:  # type: ignore[override]
        super().send([peer, *frames])


class _Publisher(_Socket):
    def publish(self, frames: Frames) -> None:
        self.send(frames)
