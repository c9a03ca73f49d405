"""A search in a separate process, for patterns that may take long: `python -m opta_tools.search.search_child`.

Standard input: one JSON object `{name, args, cwd, folder, hidden}` with the call and the arguments of `Workspace.hide`.
Standard output: one JSON object, `{content, whole, lines, truncated}` or `{problem, code}`.
"""

import asyncio
import contextlib
import sys
from typing import Any

import msgspec

from opta_core.inheritance import python
from opta_core.process.parent_death import die_with_parent
from opta_protocol.tools.searching import GREP

from ..files.file_tools import READERS, FileReader, run_reader
from ..files.workspace import Workspace
from ..result import Outcome, ToolProblem
from .search import DEADLINE_S, thorough_grep


class _Answer(msgspec.Struct, kw_only=True):
    content: str = ""
    whole: str = ""
    lines: int = 0
    truncated: bool = False
    problem: str = ""
    code: str = ""


async def run_search(name: str, args: dict[str, Any], cwd: str, identity: str = "") -> Outcome:
    """Execute a search in a child process, for at most DEADLINE_S seconds. Raises ToolProblem."""
    # The child hides the same folders as this process.
    request = {"name": name, "args": args, "cwd": cwd, "folder": identity, "hidden": Workspace.hidden()}
    # Started from the thread of the loop, because the child dies with the thread that started it.
    process = await asyncio.create_subprocess_exec(
        *python("opta_tools.search.search_child"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            answered, _ = await process.communicate(msgspec.json.encode(request))
    except TimeoutError:
        raise ToolProblem(f"the pattern took longer than {DEADLINE_S:g} s; give a simpler one or a narrower path", "timeout") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    try:
        answer = msgspec.json.decode(answered, type=_Answer)
    except msgspec.DecodeError as error:
        raise ToolProblem("the search process ended without a result", "broken") from error
    if answer.problem:
        raise ToolProblem(answer.problem, answer.code)
    return Outcome(answer.content, lines=answer.lines, is_truncated=answer.truncated, whole=answer.whole)


def main() -> None:
    """The child process: execute the search that standard input describes."""
    die_with_parent()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, Any])
    try:
        Workspace.hide(*request["hidden"])
        readers = (FileReader(GREP, thorough_grep), *READERS)
        outcome = run_reader(request["name"], request["args"], request["cwd"], request["folder"], readers)
        content = outcome.content.encode(errors="replace").decode()
        whole = outcome.whole.encode(errors="replace").decode()
        answer = _Answer(content=content, whole=whole, lines=outcome.lines, truncated=outcome.is_truncated)
    except ToolProblem as problem:
        answer = _Answer(problem=str(problem), code=problem.code)
    sys.stdout.buffer.write(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
