"""A model over several machines: MLX's ring, one engine a rank. Rank 0 speaks with the front; the others do what it does.

Every rank takes the same orders in the same round and makes the same step, so what a step decides may depend on nothing that
differs between machines: no clock, no disk.
"""

import sys
from typing import IO, Any

import msgspec

_encode, _decode = msgspec.json.encode, msgspec.json.Decoder(list[bytes]).decode


class Ranks:
    """This process among the others. Alone, everything here is free."""

    def __init__(self, mx: Any, stream: Any):
        self._mx = mx
        # Of the other ranks, on rank 0: their standard inputs.
        self.others: list[IO[bytes]] = []
        # That of the model's own exchanges: in two streams the ranks would meet in different orders, and wait for ever.
        self._stream = stream
        # Without a launcher's environment this is a group of one.
        self._group: Any = mx.distributed.init()

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self._group.size())

    @property
    def number(self) -> int:
        """Which one this is."""
        return int(self._group.rank())

    def sleep(self) -> None:
        """On the other ranks: wait until rank 0 has something. In an exchange they would look for it without rest.

        Ends this process when rank 0 is gone.
        """
        if not sys.stdin.buffer.readline():
            sys.exit(0)

    def wake(self) -> None:
        """On rank 0: have the others come to the next exchange."""
        for other in self.others:
            other.write(b"\n")
            other.flush()

    def share(self, orders: list[bytes]) -> list[bytes]:
        """What rank 0 has been told, on every rank. The others wait here until there is something."""
        if self.size == 1:
            return orders
        mx = self._mx
        content = _encode(orders) if orders and not self.number else b""
        size = int(self._sum(mx.array(len(content))).item())
        if not size:
            return []
        held = mx.array(list(content), dtype=mx.uint8) if content else mx.zeros(size, dtype=mx.uint8)
        return _decode(bytes(self._sum(held).tolist()))

    def _sum(self, value: Any) -> Any:
        with self._mx.stream(self._stream):
            found = self._mx.distributed.all_sum(value)
            self._mx.eval(found)
        return found
