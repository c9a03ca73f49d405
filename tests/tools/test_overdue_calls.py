"""The tool worker says how many of its calls run longer than they may: what a diagnosis calls stuck."""

import asyncio
from typing import Any, cast

import msgspec
import pytest
from support.store import settle

from opta_core.bus.bus import LocalBus
from opta_core.bus.outbox import Outbox
from opta_protocol.commands import AppendResult, CancelTool, RunTool
from opta_protocol.topics import TOOLS_RPC
from opta_tools import worker as rules
from opta_tools.executor import Executor
from opta_tools.worker import Worker


class NeverEnds:
    """An executor whose calls end when they are cancelled."""

    level, level_reason = "none", ""
    has_servers = False

    async def recover(self, *_: Any) -> None:
        return

    async def execute(self, *_: Any) -> None:
        await asyncio.Event().wait()


class Taken:
    """An outbox that the store answers at once."""

    async def written(self, *_: Any) -> AppendResult:
        return AppendResult(n=1, status="written")

    def append(self, *_: Any) -> int:
        return 1

    async def drained(self, *_: Any) -> None:
        return


def test_a_call_is_overdue_once_its_time_and_some_more_have_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        bus, moment = LocalBus(), [100.0]
        monkeypatch.setattr(rules, "now_s", lambda: moment[0])
        worker = Worker(bus, cast("Outbox", Taken()), "boot0000", cast("Executor", NeverEnds()))
        agent = bus.dealer(TOOLS_RPC, lambda _: None)
        for call, args in (("c1", {"command": "x"}), ("c2", {"command": "x", "timeout_s": 600})):
            agent.send([msgspec.json.encode(RunTool(callId=call, sid="abcdef", turn="t1", name="run_command", args=args, cwd="/"))])
        await settle()
        assert (worker.figures()["overdue"], worker.figures()["oldestS"]) == (0, 0)
        moment[0] += 120 + rules.OVERDUE_AFTER_S + 1
        assert (worker.figures()["overdue"], worker.figures()["oldestS"]) == (1, 151)
        moment[0] += 600
        assert worker.figures()["overdue"] == 2
        agent.send([msgspec.json.encode(CancelTool(callId="c2"))])
        await settle()
        assert (worker.figures()["overdue"], worker.figures()["active"]) == (1, 1)
        agent.send([msgspec.json.encode(CancelTool(callId="c1"))])
        await settle()

    asyncio.run(story())
