"""The probe at start: what killed its processes, or gave them no time, says nothing about the sandbox."""

import asyncio
import os
from pathlib import Path

import pytest

from opta_tools.result import ToolProblem
from opta_tools.sandbox.launch import CommandSpec, Process, Streams, WorkspaceRef
from opta_tools.sandbox.sandbox import TRIES, Sandbox
from opta_tools.sandbox.session_sandbox import ENDED


class Unlucky(Sandbox):
    """Its first commands meet `problems`."""

    problems: list[Exception]

    async def start(self, ref: WorkspaceRef, spec: CommandSpec, streams: Streams) -> Process:
        if self.problems:
            raise self.problems.pop(0)
        return await super().start(ref, spec, streams)


@pytest.mark.parametrize(
    ("problems", "is_found"),
    [
        ([ToolProblem(ENDED, "sandbox")], True),
        ([TimeoutError(), ToolProblem(ENDED, "sandbox")], True),
        ([TimeoutError()] * TRIES, False),
        ([ToolProblem("no mounts here", "sandbox")], False),
    ],
)
def test_a_probe_that_says_nothing_is_repeated(tmp_path: Path, problems: list[Exception], is_found: bool) -> None:
    (tmp_path / "home").mkdir()

    async def story() -> None:
        sandbox = Unlucky(
            tmp_path / "home",
            (tmp_path / "home/daemon",),
            tmp_path / "state",
            search_path=os.environ["PATH"],
            wanted=lambda level: level == "full",
        )
        sandbox.problems = list(problems)
        await sandbox.probe()
        assert (sandbox.level == "full") == is_found, sandbox.reason
        await sandbox.close()

    asyncio.run(story())
