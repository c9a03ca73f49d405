"""The bus interface: four kinds of socket, and an in-process implementation.

`zmq_bus.ZmqBus` connects processes; `LocalBus` works inside one event loop. A message is a list of byte frames.
The handler is called once per message, in order, on the event loop. It must not block.
Delivery is at most once. A sender that needs more must resend (see `outbox`).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

Frames = list[bytes]
OnMessage = Callable[[Frames], None]
OnRequest = Callable[[bytes, Frames], None]
# Called when a new subscriber connects. It has not received earlier messages.
OnSubscriber = Callable[[], None]


class Dealer(Protocol):
    """Sends to, and receives from, the one router of the same name."""

    def send(self, frames: Frames) -> None: ...

    def close(self) -> None: ...


class Router(Protocol):
    """Receives from many dealers and replies to each. A message to a dealer that has gone is dropped."""

    def send(self, peer: bytes, frames: Frames) -> None: ...

    def close(self) -> None: ...


class Publisher(Protocol):
    """Sends to all subscribers. The first frame is the topic."""

    def publish(self, frames: Frames) -> None: ...

    def close(self) -> None: ...


class Closable(Protocol):
    """A subscription."""

    def close(self) -> None: ...


class Bus(Protocol):
    """Opens sockets by name (`opta_protocol.topics`)."""

    def dealer(self, name: str, on_message: OnMessage) -> Dealer: ...

    def router(self, name: str, on_request: OnRequest) -> Router: ...

    def publisher(self, name: str, on_subscriber: OnSubscriber | None = None) -> Publisher: ...

    def subscribe(self, name: str, topics: Sequence[bytes], on_message: OnMessage, *, may_be_absent: bool = False) -> Closable:
        """`may_be_absent`: the publisher often does not run. It is looked for every two seconds, and not ten times a second."""
        ...


class LocalBus:
    """A bus inside one event loop, for tests and simulations. Messages to a name that is not bound are dropped."""

    def __init__(self) -> None:
        self._routers: dict[str, _LocalRouter] = {}
        self._subscriptions: dict[str, list[_LocalSubscription]] = {}
        self._greeters: dict[str, OnSubscriber] = {}
        self._peers = 0

    def dealer(self, name: str, on_message: OnMessage) -> "_LocalDealer":
        self._peers += 1
        return _LocalDealer(self, name, b"%d" % self._peers, on_message)

    def router(self, name: str, on_request: OnRequest) -> "_LocalRouter":
        self._routers[name] = _LocalRouter(self, name, on_request, self._routers.get(name))
        return self._routers[name]

    def publisher(self, name: str, on_subscriber: OnSubscriber | None = None) -> "_LocalPublisher":
        if on_subscriber is not None:
            self._greeters[name] = on_subscriber
        return _LocalPublisher(self, name)

    def subscribe(self, name: str, topics: Sequence[bytes], on_message: OnMessage, *, may_be_absent: bool = False) -> "_LocalSubscription":
        subscription = _LocalSubscription(self, name, topics, on_message)
        self._subscriptions.setdefault(name, []).append(subscription)
        if greeter := self._greeters.get(name):
            asyncio.get_running_loop().call_soon(greeter)
        return subscription


class _LocalDealer:
    def __init__(self, bus: LocalBus, name: str, identity: bytes, on_message: OnMessage):
        self._bus, self._name, self.identity, self.on_message = bus, name, identity, on_message
        self.is_open = True

    def send(self, frames: Frames) -> None:
        asyncio.get_running_loop().call_soon(self._deliver, list(frames))

    def _deliver(self, frames: Frames) -> None:
        router = self._bus._routers.get(self._name)
        if router is not None and self.is_open:
            router.dealers[self.identity] = self
            router.on_request(self.identity, frames)

    def close(self) -> None:
        self.is_open = False


class _LocalRouter:
    def __init__(self, bus: LocalBus, name: str, on_request: OnRequest, former: "_LocalRouter | None"):
        self._bus, self._name, self.on_request = bus, name, on_request
        self.dealers: dict[bytes, _LocalDealer] = former.dealers if former else {}

    def send(self, peer: bytes, frames: Frames) -> None:
        asyncio.get_running_loop().call_soon(self._deliver, peer, list(frames))

    def _deliver(self, peer: bytes, frames: Frames) -> None:
        dealer = self.dealers.get(peer)
        if dealer is not None and dealer.is_open:
            dealer.on_message(frames)

    def close(self) -> None:
        if self._bus._routers.get(self._name) is self:
            del self._bus._routers[self._name]


class _LocalPublisher:
    def __init__(self, bus: LocalBus, name: str):
        self._bus, self._name = bus, name

    def publish(self, frames: Frames) -> None:
        for subscription in self._bus._subscriptions.get(self._name, []):
            if frames[0].startswith(subscription.topics):
                asyncio.get_running_loop().call_soon(subscription.on_message, list(frames))

    def close(self) -> None:
        return


class _LocalSubscription:
    def __init__(self, bus: LocalBus, name: str, topics: Sequence[bytes], on_message: OnMessage):
        self._bus, self._name, self.topics, self.on_message = bus, name, tuple(topics), on_message

    def close(self) -> None:
        self._bus._subscriptions[self._name].remove(self)
