"""Commands: bounded in time and output, and no process is left behind."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from support.limits import limit_s

from opta_protocol.commands import RunTool
from opta_protocol.tools.shell import RUN_COMMAND
from opta_tools.arguments import arguments
from opta_tools.commands.jobs import Runner
from opta_tools.commands.output import Output
from opta_tools.result import Outcome, ToolProblem
from opta_tools.sandbox.bare import kill_marked
from opta_tools.sandbox.sandbox import Sandbox


async def _recorded(pid: int) -> None:
    assert pid > 0


def run(folder: Path, command: str, timeout_s: float | None = None, cancels: bool = False) -> tuple[Outcome, str, float]:
    """(outcome, output as it streamed, seconds) of a command. `cancels`: at its first output."""

    async def story() -> tuple[Outcome, str, float]:
        pieces: list[str] = []
        has_output = asyncio.Event()

        def take(piece: str) -> None:
            pieces.append(piece)
            has_output.set()

        sandbox = Sandbox(Path.home(), (), folder.parent / "state")
        await sandbox.probe()
        assert sandbox.level == "full", sandbox.reason
        runner = Runner(sandbox, dict(os.environ), f"test/{os.getpid()}", folder.parent / "spills")
        args = {"command": command} | ({"timeout_s": timeout_s} if timeout_s else {})
        call = RunTool(callId="c1", sid="abcdef", turn="t1", name="run_command", args=args, cwd=str(folder))
        started = time.monotonic()

        async def whole() -> Outcome:
            return await runner.run(call, arguments(RUN_COMMAND, args), _recorded, take)

        work = asyncio.create_task(whole())
        if cancels:
            await has_output.wait()
            work.cancel()
        try:
            outcome = await work
        except asyncio.CancelledError:
            outcome = Outcome("cancelled", ok=False)
        finally:
            await sandbox.close()
        return outcome, "".join(pieces), time.monotonic() - started

    return asyncio.run(story())


def test_output_streams_and_the_exit_code_is_reported(tmp_path: Path) -> None:
    outcome, streamed, _ = run(tmp_path, "echo één; echo err >&2; pwd; exit 3")
    assert (outcome.ok, outcome.code) == (False, "exit_3")
    assert outcome.content == f"Error: exit code 3\néén\nerr\n{tmp_path}"
    assert streamed == f"één\nerr\n{tmp_path}\n"


def test_standard_input_is_closed(tmp_path: Path) -> None:
    outcome, _, seconds = run(tmp_path, "cat; echo end")
    assert outcome.content == "end"
    assert seconds < limit_s(5)


def test_it_returns_when_the_process_ends_not_when_the_pipe_closes(tmp_path: Path) -> None:
    outcome, _, seconds = run(tmp_path, "sleep 30 & echo started")
    assert (outcome.content, outcome.ok) == ("started", True)
    assert seconds < limit_s(3)
    assert kill_marked(f"test/{os.getpid()}") == 0


def test_the_wall_clock_ends_the_whole_group(tmp_path: Path) -> None:
    outcome, _, seconds = run(tmp_path, "(sleep 30; echo late > late) & sleep 30", timeout_s=0.3)
    assert outcome.code == "timeout"
    assert seconds < limit_s(3)
    assert kill_marked(f"test/{os.getpid()}") == 0


def test_a_cancelled_command_is_gone_also_when_it_left_its_group(tmp_path: Path) -> None:
    _, _, seconds = run(tmp_path, "setsid sleep 30 & trap '' TERM; echo begun; sleep 30", cancels=True)
    assert seconds < limit_s(3)
    assert kill_marked(f"test/{os.getpid()}") == 0


def test_a_flood_of_output_is_capped_and_both_ends_are_kept(tmp_path: Path) -> None:
    outcome, streamed, _ = run(tmp_path, "echo first; yes | head -c 3000000; echo last", timeout_s=20)
    assert outcome.is_truncated
    assert outcome.content.startswith("first\ny\n")
    assert "left out" in outcome.content
    assert len(outcome.content) < 20_000
    assert len(streamed) <= 1024 * 1024


def test_secrets_of_the_daemon_are_not_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTA_HOME", "/secret")
    monkeypatch.setenv("MY_API_KEY", "canary")
    outcome, _, _ = run(tmp_path, "env")
    assert "canary" not in outcome.content
    assert "OPTA_HOME" not in outcome.content


@pytest.mark.parametrize("command", ["", "   ", "a\0b"])
def test_no_command_is_refused(tmp_path: Path, command: str) -> None:
    with pytest.raises(ToolProblem):
        run(tmp_path, command)


def test_a_long_output_that_cannot_be_kept_in_a_file_is_shown_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shown: list[str] = []
    output = Output(shown.append, tmp_path / "file" / "spill.txt")
    for _ in range(40):
        output.add(b"x" * 1023 + b"\n")
    output.close()
    assert sum(map(len, shown)) == 40 * 1024
    assert output.spill is None
    assert output.content()[1]
