"""The bus over ZeroMQ ipc sockets. This is the only file that imports zmq.

The owner of a name binds it, under a flock because a second bind silently takes over the path. All other processes connect,
before or after. Sockets are read through `add_reader` on their descriptor, which is three times as fast as `zmq.asyncio`.

Only processes of this user may connect: the run directory is 0700, and a bound socket also refuses connections from other
users. A message that its handler cannot read is dropped and logged.
"""

import asyncio
import contextlib
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import zmq
from zmq.backend import Socket as _Raw

from ..logs import Log
from .bus import Frames, OnMessage, OnRequest, OnSubscriber

# Time to read one socket before the loop does other work: a message may hold a hundred events.
_DRAIN_S = 0.004
_MESSAGE_BYTES_MAX = 64 * 1024 * 1024
_HWM_FANOUT, _HWM_DIRECT = 100_000, 10_000
# A process that was killed is back in a few tenths of a second; one that does not belong to this daemon may never come.
_RECONNECT_MS, _RECONNECT_MAX_MS, _RECONNECT_ABSENT_MS = 10, 100, 2000
# pyzmq's low-level methods cost a third of the public ones: they take options as numbers and do not check frames.
_send: Any = _Raw.send
_recv: Any = _Raw.recv
_get: Any = _Raw.get
# Events of a connection from a peer that may not use this bus or does not speak its protocol.
_HANDSHAKE_FAILED = zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
_REFUSED = zmq.EVENT_ACCEPT_FAILED | _HANDSHAKE_FAILED
# Refused peers reconnect many times a second; log one line per interval.
_TELL_AFTER_S = 1.0
_EVENTS, _POLLIN, _NOBLOCK, _MORE = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.NOBLOCK), int(zmq.NOBLOCK | zmq.SNDMORE)

log = Log("bus")


class ZmqBus:
    """Sockets under one run directory."""

    def __init__(self, run: Path):
        self._run = run
        self._context: zmq.Context[Any] = zmq.Context(io_threads=1)
        self._context.max_sockets = 256
        self._open: set[_Socket] = set()
        # Called when a connection to another process breaks.
        self.on_lost: Callable[[], None] | None = None

    def _lost(self) -> None:
        if self.on_lost is not None:
            self.on_lost()

    def dealer(self, name: str, on_message: OnMessage, identity: str = "") -> "_Socket":
        """`identity` is kept over reconnects; without it, a peer that reconnects has a new identity."""
        socket = self._socket(name, zmq.DEALER, _HWM_DIRECT, on_message)
        if identity:
            socket.zmq.setsockopt(zmq.ROUTING_ID, identity.encode())
        socket.zmq.connect(self._address(name))
        return socket

    def router(self, name: str, on_request: OnRequest) -> "_Router":
        socket = self._context.socket(zmq.ROUTER)
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        router = _Router(name, socket, _HWM_DIRECT, lambda frames: on_request(frames[0], frames[1:]), self._open)
        router.watch(self._lost)
        router.bind(self._address(name))
        return router

    def publisher(self, name: str, on_subscriber: OnSubscriber | None = None) -> "ZmqPublisher":
        def greet(frames: Frames) -> None:
            if on_subscriber is not None and frames[0][:1] == b"\x01":
                on_subscriber()

        socket = self._context.socket(zmq.XPUB if on_subscriber else zmq.PUB)
        if on_subscriber is not None:
            # Also for a topic that another subscriber has.
            socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        publisher = ZmqPublisher(name, socket, _HWM_FANOUT, greet if on_subscriber else None, self._open)
        publisher.watch(None)
        publisher.bind(self._address(name))
        return publisher

    def subscribe(self, name: str, topics: Sequence[bytes], on_message: OnMessage, *, may_be_absent: bool = False) -> "_Socket":
        socket = self._socket(name, zmq.SUB, _HWM_FANOUT, on_message)
        if may_be_absent:
            socket.zmq.setsockopt(zmq.RECONNECT_IVL_MAX, _RECONNECT_ABSENT_MS)
        for topic in topics:
            socket.zmq.setsockopt(zmq.SUBSCRIBE, topic)
        socket.zmq.connect(self._address(name))
        return socket

    def close(self) -> None:
        """Close every socket. Unsent messages are dropped."""
        for socket in list(self._open):
            socket.close()
        self._context.term()

    def _address(self, name: str) -> str:
        return f"ipc://{self._run / name}"

    def _socket(self, name: str, kind: int, hwm: int, on_message: OnMessage) -> "_Socket":
        socket = _Socket(name, self._context.socket(kind), hwm, on_message, self._open)
        socket.watch(self._lost)
        return socket


class _Socket:
    def __init__(self, name: str, socket: "zmq.Socket[Any]", hwm: int, on_message: OnMessage | None, registry: "set[_Socket]"):
        self._name = name
        self.zmq = socket
        self._on_message = on_message
        self._registry = registry
        registry.add(self)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.SNDHWM, hwm),
            (zmq.RCVHWM, hwm),
            (zmq.RECONNECT_IVL, _RECONNECT_MS),
            (zmq.RECONNECT_IVL_MAX, _RECONNECT_MAX_MS),
            (zmq.MAXMSGSIZE, _MESSAGE_BYTES_MAX),
        ):
            socket.setsockopt(option, value)
        self._loop = asyncio.get_running_loop()
        self._is_draining = False
        self._monitor: zmq.Socket[Any] | None = None
        self._refused = 0
        self._telling: asyncio.TimerHandle | None = None
        if on_message is not None:
            self._loop.add_reader(int(socket.getsockopt(zmq.FD)), self._drain)
            self._wake()

    def bind(self, address: str) -> None:
        """Bind the address, for processes of this user only."""
        with contextlib.suppress(zmq.ZMQError):  # where the system does not report the peer's user, the folder's mode protects
            self.zmq.setsockopt(zmq.IPC_FILTER_UID, os.getuid())
        self.zmq.bind(address)

    def send(self, frames: Frames) -> None:
        """Queue a message. It is dropped when the peer's queue is full."""
        with contextlib.suppress(zmq.Again):
            for frame in frames[:-1]:
                _send(self.zmq, frame, _MORE)
            _send(self.zmq, frames[-1], _NOBLOCK)
        # Sending can consume the descriptor's edge-triggered event, so check for input again.
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
        until = self._loop.time() + _DRAIN_S
        while self._loop.time() < until:
            if not self._has_input():
                return
            try:
                self._on_message(self._receive())
            except (ValueError, IndexError, RecursionError) as error:
                log.error("message dropped", socket=self._name, reason=f"{type(error).__name__}: {error}")
            except BaseException:
                self._wake()  # later messages must not wait for the next edge
                raise
            if self.zmq.closed:
                return
        self._wake()

    def watch(self, on_lost: Callable[[], None] | None) -> None:
        """Call `on_lost` whenever a connection of this socket breaks, and log refused peers."""
        monitor = self._monitor = self.zmq.get_monitor_socket(_REFUSED | (zmq.EVENT_DISCONNECTED if on_lost else 0))

        def look() -> None:
            while not monitor.closed and int(monitor.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
                (event,) = struct.unpack("=H", monitor.recv_multipart(zmq.NOBLOCK)[0][:2])
                if event & _REFUSED:
                    self._note_refused()
                elif on_lost is not None:
                    on_lost()

        self._loop.add_reader(int(monitor.getsockopt(zmq.FD)), look)
        self._loop.call_soon(look)

    def _note_refused(self) -> None:
        self._refused += 1
        if self._telling is None:
            self._telling = self._loop.call_later(_TELL_AFTER_S, self._tell_refused)

    def _tell_refused(self) -> None:
        self._telling = None
        log.warning("peer refused", socket=self._name, total=self._refused)

    def close(self) -> None:
        if not self.zmq.closed:
            if self._telling is not None:
                self._telling.cancel()
            if self._monitor is not None:
                self._loop.remove_reader(int(self._monitor.getsockopt(zmq.FD)))
                self.zmq.disable_monitor()
                self._monitor.close(0)
            if self._on_message is not None:
                self._loop.remove_reader(int(self.zmq.getsockopt(zmq.FD)))
            self.zmq.close(0)
            self._registry.discard(self)


class _Router(_Socket):
    def send(self, peer: bytes, frames: Frames) -> None:  # type: ignore[override]
        super().send([peer, *frames])


class ZmqPublisher(_Socket):
    """Sends to every process that subscribed."""

    def publish(self, frames: Frames) -> None:
        self.send(frames)
