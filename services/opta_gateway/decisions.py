"""Writes a person's answer to a permission question: first the grants of an "always", then the decision.

In this order a call never runs on an "always" that then fails. When the decision is not written, the grants that it
would have brought are taken back.
"""

import asyncio

from opta_core.bus.outbox import Outbox
from opta_core.errors import OptaError, Unavailable
from opta_core.logs import Log
from opta_core.paths import Paths
from opta_core.policy import grants
from opta_core.policy.grants import Grant
from opta_protocol.commands import AppendResult
from opta_protocol.events import PermissionDecision

WRITE_S = 10.0
log = Log("decisions")


class Decisions:
    """Writes answers. Those that share `lock` are written one after the other: two answers to one question do not take back
    each other's grants."""

    def __init__(self, outbox: Outbox, paths: Paths, lock: asyncio.Lock):
        self._outbox, self._paths, self._lock = outbox, paths, lock

    async def write(self, decision: PermissionDecision, new: list[Grant]) -> AppendResult:
        """The store's answer. Raises OptaError (too many grants, no space, store away), and then nothing was granted."""
        if not new:
            return await self._outbox.written(decision, WRITE_S)
        async with self._lock:
            added = await self._add(new)
            is_written = False
            try:
                result = await self._outbox.written(decision, WRITE_S)
                is_written = result.status == "written"
                return result
            finally:
                if not is_written:
                    await asyncio.shield(asyncio.to_thread(self._take_back, added))

    async def _add(self, new: list[Grant]) -> list[str]:
        try:
            return await asyncio.to_thread(grants.add, self._paths, new)
        except OSError as error:
            raise Unavailable(
                f"The grant was not written ({error.strerror or error}), so the question is still open. Free some space, or allow it once."
            ) from error

    def _take_back(self, added: list[str]) -> None:
        for grant_id in added:
            try:
                grants.remove(self._paths, grant_id)
            except (OSError, OptaError) as error:
                log.error("grant of an unwritten answer not taken back", grant=grant_id, reason=error)
