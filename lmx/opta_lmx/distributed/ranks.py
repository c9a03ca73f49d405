"""A model distributed over several machines by MLX's ring: one engine per rank. Rank 0 is connected to the server.

Every rank takes the same orders in the same round and makes the same step. **Invariant:** a step depends on nothing that differs
between machines: no clock, no disk.
"""

import sys
from typing import IO, Any

import mlx.core
import msgspec

mx: Any = mlx.core
_encode, _decode = msgspec.json.encode, msgspec.json.Decoder(list[bytes]).decode


class Ranks:
    """This process among the others. With a single rank, every method is a no-op."""

    def __init__(self, stream: Any):
        # On rank 0: the standard inputs of the other ranks.
        self.others: list[IO[bytes]] = []
        # The stream of the model's own exchanges: with two streams the ranks could exchange in different orders and deadlock.
        self._stream = stream
        # Without a launcher's environment variables, a group of one.
        self._group: Any = mx.distributed.init()

    @property
    def size(self) -> int:
        """The number of ranks."""
        return int(self._group.size())

    @property
    def number(self) -> int:
        """The number of this rank."""
        return int(self._group.rank())

    def sleep(self) -> None:
        """On the other ranks: wait until rank 0 has work. Waiting in an exchange would keep a processor busy.

        Ends this process when rank 0 is gone.
        """
        if not sys.stdin.buffer.readline():
            sys.exit(0)

    def wake(self) -> None:
        """On rank 0: wake the other ranks for the next exchange."""
        for other in self.others:
            other.write(b"\n")
            other.flush()

    def share(self, orders: list[bytes]) -> list[bytes]:
        """Give every rank the orders of rank 0."""
        if self.size == 1:
            return orders
        content = _encode(orders) if orders and not self.number else b""
        size = int(self._sum(mx.array(len(content))).item())
        if not size:
            return []
        held = mx.array(list(content), dtype=mx.uint8) if content else mx.zeros(size, dtype=mx.uint8)
        return _decode(bytes(self._sum(held).tolist()))

    def _sum(self, value: Any) -> Any:
        with mx.stream(self._stream):
            found = mx.distributed.all_sum(value)
            mx.eval(found)
        return found
