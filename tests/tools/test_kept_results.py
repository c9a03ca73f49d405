"""Long results are kept for their session, and read on in with read_file path=output://ID, also by the next worker."""

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pytest

from opta_core.paths import Paths
from opta_core.result_lines import LINE_CHARS_MAX
from opta_core.settings import Settings
from opta_protocol.commands import RunTool
from opta_protocol.events import Event
from opta_protocol.tools.file_access import ReadFile
from opta_tools import kept_results
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.commands.jobs import Runner
from opta_tools.executor import ToolExecutor
from opta_tools.kept_results import KeptResults
from opta_tools.mcp.results import ResultFiles, outcome_of
from opta_tools.mcp.servers import Servers
from opta_tools.result import Outcome, ToolProblem
from opta_tools.sandbox.sandbox import Sandbox

SID = "abcdef"


class CallRunner:
    """Calls as the tool-worker executes them; each has a worker of its own."""

    def __init__(self, folder: Path):
        self.folder, self.work = folder, folder / "work"
        self.work.mkdir()
        self._calls = 0

    def call(self, name: str, sid: str = SID, **args: Any) -> Outcome:
        return self.calls((name, args), sid=sid)[0]

    def calls(self, *wanted: tuple[str, dict[str, Any]], sid: str = SID) -> list[Outcome]:
        """Calls of one worker, one after the other: c1, c2 and so on."""
        return asyncio.run(self._run(wanted, sid))

    async def _run(self, wanted: tuple[tuple[str, dict[str, Any]], ...], sid: str) -> list[Outcome]:
        async def record(event: Event) -> None:
            return

        sandbox, paths = Sandbox(Path.home(), (), self.folder / "state"), Paths(self.folder / "home", self.folder / "run")
        await sandbox.probe()
        commands = Runner(sandbox, dict(os.environ), f"test/{os.getpid()}", self.folder / "spills")
        servers = Servers(Settings, paths, sandbox, {}, "test")
        executor = ToolExecutor("boot", sandbox.level, commands, Checkpoints(self.folder / "checkpoints"), servers)
        outcomes: list[Outcome] = []
        try:
            for name, args in wanted:
                self._calls += 1
                call = RunTool(callId=f"c{self._calls}", sid=sid, turn="t1", name=name, args=args, cwd=str(self.work))
                outcomes.append(await executor.execute(call, lambda event: None, record))
        finally:
            await executor.close()
            await sandbox.close()
        return outcomes


@pytest.fixture
def runner(tmp_path: Path) -> CallRunner:
    return CallRunner(tmp_path)


def start_of_rest(outcome: Outcome) -> tuple[str, int]:
    found = re.search(r"\n\[Read what is left out with read_file path=(output://\w+) start_line=(\d+)\]$", outcome.content)
    assert found is not None, outcome.content[-300:]
    return found[1], int(found[2])


def test_the_rest_of_a_long_output_is_read_where_the_shown_part_ends(runner: CallRunner) -> None:
    shown = runner.call("run_command", command="seq 1 20000")
    path, line = start_of_rest(shown)
    assert (shown.lines, shown.spill) == (20000, "c1.txt")
    last_shown = shown.content.partition("\n… ")[0].split("\n")[-1]
    assert str(line).startswith(last_shown)
    read = runner.call("read_file", path=path, start_line=line, end_line=line + 1)
    assert read.content == f"{line}\t{line}\n{line + 1}\t{line + 1}\n[lines {line}-{line + 1} of 20000; read on with start_line={line + 2}]"
    assert runner.call("read_file", path=path, start_line=20000).content == "20000\t20000\n[line 20000 of 20000]"


def test_the_lines_of_a_failed_command_are_counted_with_its_reason(runner: CallRunner) -> None:
    shown = runner.call("run_command", command="seq 1 20000; exit 3")
    assert shown.content.startswith("Error: exit code 3\n1\n2\n")
    path, line = start_of_rest(shown)
    assert runner.call("read_file", path=path, end_line=2).content.startswith("1\tError: exit code 3\n2\t1\n")
    assert runner.call("read_file", path=path, start_line=line, end_line=line).content.startswith(f"{line}\t{line - 1}\n")


def test_a_result_that_is_shown_whole_is_kept_too_because_an_agent_may_cut_it(runner: CallRunner) -> None:
    shown = runner.call("run_command", command="seq 1 500; false")
    assert shown.content.endswith("\n500")
    assert not shown.spill
    assert runner.call("read_file", path="output://c1", start_line=501).content == "501\t500\n[line 501 of 501]"


def test_a_line_of_any_length_is_read_in_pieces(runner: CallRunner) -> None:
    runner.call("run_command", command="head -c 15000 /dev/zero | tr '\\0' x")
    first = runner.call("read_file", path="output://c1", end_line=2).content
    assert first == f"1\t{'x' * LINE_CHARS_MAX}\n2\t{'x' * LINE_CHARS_MAX}\n[lines 1-2 of 38; read on with start_line=3]"
    assert runner.call("read_file", path="output://c1", start_line=38).content == f"38\t{'x' * 200}\n[line 38 of 38]"


def test_colours_and_binary_output_are_read_as_text(runner: CallRunner) -> None:
    shown = runner.call(
        "run_command", command="for i in $(seq 3000); do printf '\\033[31mline %s\\033[0m\\n' $i; done; printf 'a\\0b\\xff'"
    )
    path, line = start_of_rest(shown)
    assert runner.call("read_file", path=path, start_line=line, end_line=line).content.startswith(f"{line}\tline {line}\n")
    assert runner.call("read_file", path=path, start_line=3001).content == "3001\ta\0b\ufffd\n[line 3001 of 3001]"


def test_the_output_of_a_background_command_is_kept_for_each_look(runner: CallRunner) -> None:
    begun, look, _ = runner.calls(
        ("run_command", {"command": "seq 1 20000; read _; seq 1 20000; sleep 60", "background": True}),
        ("command_output", {"id": "bg1"}),
        ("command_stop", {"id": "bg1"}),
    )
    (long,) = [outcome for outcome in (begun, look) if "bytes left out" in outcome.content]
    path, line = start_of_rest(long)
    number, _, value = runner.call("read_file", path=path, start_line=line, end_line=line).content.split("\n")[0].partition("\t")
    last = long.content.partition("\n… ")[0].split("\n")[-1]
    # The last line may be cut.
    assert int(number) == line
    assert value.startswith(last) or int(value) == int(last) + 1


@pytest.mark.parametrize("id_", ["zzzz", "", "../c1", "c1.txt", "c1/", "a\0b", "x" * 300, "../../checkpoints/abcdef/f"])
def test_an_unknown_result_is_a_clear_error(runner: CallRunner, id_: str) -> None:
    runner.call("run_command", command="seq 1 500")
    with pytest.raises(ToolProblem, match=r"there is no kept result output://.* in this session") as refused:
        runner.call("read_file", path=f"output://{id_}")
    assert refused.value.code == "not_found"


def test_a_session_reads_only_its_results(runner: CallRunner) -> None:
    runner.call("run_command", command="seq 1 500")
    assert runner.call("read_file", path="output://c1", end_line=1).lines == 1
    with pytest.raises(ToolProblem, match="no kept result"):
        runner.call("read_file", sid="another", path="output://c1")
    kept = runner.folder / f"spills/{SID}/c1.kept.txt"
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.unlink()
    kept.symlink_to("/etc/passwd")
    with pytest.raises(ToolProblem, match="no kept result"):
        runner.call("read_file", path="output://c1")


@pytest.mark.parametrize(
    ("start", "end", "said"), [(9000, None, "has 500 lines, so there is no line 9000"), (5, 4, "end_line 4 comes before")]
)
def test_lines_that_are_not_there_are_said(runner: CallRunner, start: int, end: int | None, said: str) -> None:
    runner.call("run_command", command="seq 1 500")
    with pytest.raises(ToolProblem, match=said):
        runner.call("read_file", path="output://c1", start_line=start, end_line=end)


def test_a_result_is_not_written(runner: CallRunner) -> None:
    for name, args in (("write_file", {"content": "x"}), ("edit_file", {"old": "1", "new": "2"})):
        with pytest.raises(ToolProblem, match="can only be read"):
            runner.call(name, path="output://c1", **args)
    assert not list(runner.work.iterdir())


def test_a_disk_that_is_full_loses_no_result(tmp_path: Path) -> None:
    (tmp_path / "spills").write_text("a file where the folder should be")
    outcome = Outcome("part", whole="part\n" + "rest\n" * 200)
    KeptResults(tmp_path / "spills").keep(RunTool(callId="c1", sid=SID, turn="t1", name="grep", args={}, cwd="/"), outcome)
    assert outcome.content == "part"


def test_a_result_of_many_megabytes_is_read_in_bounded_memory(tmp_path: Path) -> None:
    folder = tmp_path / SID
    folder.mkdir()
    with (folder / "c1.txt").open("wb") as file:
        for block in range(100):
            file.write(b"".join(b"line %d\n" % (block * 10_000 + at) for at in range(1, 10_001)))
    assert (folder / "c1.txt").stat().st_size > kept_results.COUNTED_BYTES_MAX
    read = KeptResults(tmp_path).read(SID, ReadFile(path="output://c1", start_line=999_999, end_line=1_000_000))
    assert read.content == "999999\tline 999999\n1000000\tline 1000000\n[lines 999999-1000000 of 1000000]"


def test_the_rest_of_a_long_result_of_a_server_is_read_also_when_it_is_one_line(tmp_path: Path) -> None:
    text = "".join(f"<{number:06}>" for number in range(50_000))
    outcome = outcome_of({"content": [{"type": "text", "text": text}]}, ResultFiles(tmp_path / SID, "c1"))
    results = KeptResults(tmp_path)
    results.keep(RunTool(callId="c1", sid=SID, turn="t1", name="mcp__a__b", args={}, cwd="/"), outcome)
    path, line = start_of_rest(outcome)
    shown = len(outcome.content.partition("\n… ")[0])
    begin = (line - 1) * LINE_CHARS_MAX
    assert begin <= shown < begin + LINE_CHARS_MAX
    assert results.read(SID, ReadFile(path=path, start_line=line)).content.startswith(f"{line}\t{text[begin : begin + LINE_CHARS_MAX]}\n")
