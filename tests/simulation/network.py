"""The bus between simulated processes: messages are ordered within a connection, may be late, and are lost when a process dies."""

import random
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from opta_core.bus.bus import Frames, OnMessage, OnRequest, OnSubscriber

from .clock import VirtualLoop

RECONNECT_S = 0.03


class Network:
    """Who listens where."""

    def __init__(self, loop: VirtualLoop, chance: random.Random):
        self.loop, self.chance = loop, chance
        self.routers: dict[str, _Router] = {}
        self.publishers: dict[str, _Publisher] = {}
        self.subscriptions: list[_Subscription] = []

    def delay_s(self) -> float:
        """Of one message: mostly short, sometimes a scheduler's pause."""
        return self.chance.uniform(0.00005, 0.0015) if self.chance.random() < 0.98 else self.chance.uniform(0.005, 0.25)


class _Pipe:
    """Messages from one socket to another, in order."""

    def __init__(self, network: Network, sender: Any, receiver: Callable[[], Any]):
        self._network, self._sender, self._receiver = network, sender, receiver
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._last_at = 0.0
        self._is_pumping = False

    def send(self, deliver: Callable[[], None]) -> None:
        """Have `deliver` called later, as the receiver; not while either is stopped."""
        if not self._sender.is_alive:
            return
        self._last_at = max(self._last_at, self._network.loop.time() + self._network.delay_s(), self._sender.paused_until)
        self._waiting.append((self._last_at, deliver))
        if not self._is_pumping:
            self._is_pumping = True
            self._network.loop.call_at(self._last_at, self._pump)

    def _pump(self) -> None:
        now = self._network.loop.time()
        while self._waiting:
            receiver = self._receiver()
            at = max(self._waiting[0][0], receiver.paused_until if receiver else 0.0)
            if at > now:
                self._network.loop.call_at(at, self._pump)
                return
            _, deliver = self._waiting.popleft()
            # What a dead process had handed to its kernel may still arrive.
            if self._sender.is_alive or self._sender.is_flushed:
                try:
                    deliver()
                except BaseException:
                    self._network.loop.call_soon(self._pump)
                    raise
        self._is_pumping = False


class SimBus:
    """One process's sockets."""

    def __init__(self, network: Network, process: Any):
        self.network, self.process = network, process

    def dealer(self, name: str, on_message: OnMessage) -> "_Dealer":
        return _Dealer(self, name, on_message)

    def router(self, name: str, on_request: OnRequest) -> "_Router":
        router = _Router(self, name, on_request)
        self.network.routers[name] = router
        return router

    def publisher(self, name: str, on_subscriber: OnSubscriber | None = None) -> "_Publisher":
        publisher = _Publisher(self, name, on_subscriber)
        self.network.publishers[name] = publisher
        return publisher

    def subscribe(self, name: str, topics: Sequence[bytes], on_message: OnMessage, *, may_be_absent: bool = False) -> "_Subscription":
        subscription = _Subscription(self, name, tuple(topics), on_message)
        self.network.subscriptions.append(subscription)
        return subscription


def _run(process: Any, handler: Callable[..., None], *arguments: Any) -> None:
    """Call a handler as code of its process."""
    if process.is_alive:
        process.context.run(handler, *arguments)


class _Dealer:
    def __init__(self, bus: SimBus, name: str, on_message: OnMessage):
        self.bus, self.name, self.on_message = bus, name, on_message
        self.identity = b"%d" % bus.network.chance.getrandbits(48)
        self._pipe = _Pipe(bus.network, bus.process, self._receiver)
        self._backlog: list[Frames] = []

    def send(self, frames: Frames) -> None:
        content = list(frames)
        self._pipe.send(lambda: self._deliver(content))

    def _receiver(self) -> Any:
        router = self.bus.network.routers.get(self.name)
        return router.bus.process if router else None

    def _deliver(self, frames: Frames) -> None:
        router = self.bus.network.routers.get(self.name)
        if router is None or not router.bus.process.is_alive:
            # ZeroMQ keeps what was not handed to the connection, and loses what was.
            if self.bus.network.chance.random() < 0.5:
                self._backlog.append(frames)
                self.bus.network.loop.call_later(RECONNECT_S, self._again)
        elif self._backlog:
            self._backlog.append(frames)
        else:
            self._hand_over(router, frames)

    def _again(self) -> None:
        router = self.bus.network.routers.get(self.name)
        if not self.bus.process.is_alive:
            self._backlog.clear()
        elif router is None or not router.bus.process.is_alive:
            if self._backlog:
                self.bus.network.loop.call_later(RECONNECT_S, self._again)
        else:
            waiting, self._backlog = self._backlog, []
            for frames in waiting:
                self._hand_over(router, frames)

    def _hand_over(self, router: "_Router", frames: Frames) -> None:
        router.dealers[self.identity] = self
        _run(router.bus.process, router.on_request, self.identity, frames)

    def close(self) -> None:
        return


class _Router:
    def __init__(self, bus: SimBus, name: str, on_request: OnRequest):
        self.bus, self.name, self.on_request = bus, name, on_request
        self.dealers: dict[bytes, _Dealer] = {}
        self._pipes: dict[bytes, _Pipe] = {}

    def send(self, peer: bytes, frames: Frames) -> None:
        dealer = self.dealers.get(peer)
        if dealer is None:
            return
        pipe = self._pipes.get(peer)
        if pipe is None:
            pipe = self._pipes[peer] = _Pipe(self.bus.network, self.bus.process, lambda: dealer.bus.process)
        content = list(frames)
        pipe.send(lambda: _run(dealer.bus.process, dealer.on_message, content))

    def close(self) -> None:
        return


class _Publisher:
    def __init__(self, bus: SimBus, name: str, on_subscriber: OnSubscriber | None):
        self.bus, self.name, self.on_subscriber = bus, name, on_subscriber

    def publish(self, frames: Frames) -> None:
        for subscription in self.bus.network.subscriptions:
            if subscription.name == self.name and frames[0].startswith(subscription.topics):
                subscription.offer(self, list(frames))

    def close(self) -> None:
        return


class _Subscription:
    def __init__(self, bus: SimBus, name: str, topics: tuple[bytes, ...], on_message: OnMessage):
        self.bus, self.name, self.topics, self.on_message = bus, name, topics, on_message
        self._publisher: _Publisher | None = None
        self._connected_at = 0.0
        self._pipe: _Pipe | None = None

    def offer(self, publisher: _Publisher, frames: Frames) -> None:
        """A message was published: lost while the connection to this publisher is being made."""
        network = self.bus.network
        if not self.bus.process.is_alive:
            return
        if publisher is not self._publisher:
            self._publisher, self._pipe = publisher, _Pipe(network, publisher.bus.process, lambda: self.bus.process)
            self._connected_at = network.loop.time() + network.chance.uniform(0.0, 0.06)
            if publisher.on_subscriber is not None:
                network.loop.call_at(self._connected_at, _run, publisher.bus.process, publisher.on_subscriber)
        if network.loop.time() < self._connected_at:
            return
        assert self._pipe is not None
        self._pipe.send(lambda: _run(self.bus.process, self.on_message, frames))

    def close(self) -> None:
        self.bus.network.subscriptions.remove(self)
