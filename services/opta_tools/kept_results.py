"""Complete results of calls, kept in files: a model that was shown a part reads on with read_file path=output://ID.

One folder for each session, one file for each call: a session reads its own results only, also after a restart. A long output of a command
is written to such a file while the command runs (`commands/output.py`).
"""

import bisect
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO

from opta_core.logs import Log
from opta_core.result_lines import KEPT_CHARS_MIN, line_ends
from opta_protocol.commands import RunTool
from opta_protocol.tools.file_access import OUTPUT_SCHEME, READ_FILE, ReadFile

from .commands.output import plain
from .files import numbered
from .files.numbered import Lines
from .files.reads import window
from .result import Outcome, ToolProblem

_ID = re.compile(r"[A-Za-z0-9]{1,32}\Z")
# In a larger one, a long line counts as one.
COUNTED_BYTES_MAX = 8 * 1024 * 1024
log = Log("results")


class KeptResults:
    """`folder` holds a folder for each session, mode 0700, with files of mode 0600. May be called from any thread."""

    def __init__(self, folder: Path):
        self.folder = folder

    def keep(self, call: RunTool, outcome: Outcome) -> None:
        """Keep a result that may be cut before a model reads it; one of which a part is shown says how to read on."""
        whole = outcome.whole or outcome.content
        # The lines of a file can be read again.
        is_kept = bool(outcome.spill)
        if not is_kept and len(whole) > KEPT_CHARS_MIN and call.name != READ_FILE.name:
            is_kept = self._write(call.sid, call.callId, whole)
        if is_kept and (outcome.whole or outcome.spill):
            outcome.spill = outcome.spill or _file_of(call.callId)
            line = _first_missing(outcome.content, outcome.whole)
            outcome.content += f"\n[Read what is left out with {READ_FILE.name} path={OUTPUT_SCHEME}{call.callId} start_line={line}]"

    def read(self, sid: str, asked: ReadFile) -> Outcome:
        """Lines of the complete result that `asked.path` names. Raises ToolProblem."""
        id_, first, last = asked.path.removeprefix(OUTPUT_SCHEME).strip(), asked.start_line or 1, asked.end_line
        if last is not None and last < first:
            raise ToolProblem(f"end_line {last} comes before start_line {first}; give the smaller number first")
        problem = f"there is no kept result {asked.path[:80]} in this session; use the path that a result which was cut names, or make the call again"
        if not _ID.match(id_):
            raise ToolProblem(problem, "not_found")
        try:
            handle, as_text = self._opened(sid, id_)
        except OSError as error:
            raise ToolProblem(problem, "not_found") from error
        with handle:
            if os.fstat(handle.fileno()).st_size > COUNTED_BYTES_MAX:
                wanted, lines = window(handle, asked.path, first, last)
                lines = Lines(as_text(wanted).split("\n") if wanted else [], first, lines.total, lines.is_exact)
            else:
                lines = _lines(as_text(handle.read(COUNTED_BYTES_MAX)), first, last)
        if not lines.shown:
            raise ToolProblem(f"{asked.path} has {lines.total} lines, so there is no line {first}")
        shown = numbered.number(lines, [], "read on with start_line=")
        is_cut = shown.is_cut or shown.last < min(last or lines.total, lines.total)
        return Outcome(shown.text, lines=shown.last - first + 1, is_truncated=is_cut)

    def _opened(self, sid: str, call_id: str) -> tuple[IO[bytes], Callable[[bytes], str]]:
        """(the file of a result, what makes text of its bytes). Raises OSError."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.fdopen(os.open(self.folder / sid / _file_of(call_id), flags), "rb"), lambda content: content.decode(errors="replace")
        except FileNotFoundError:
            return os.fdopen(os.open(self.folder / sid / f"{call_id}.txt", flags), "rb"), plain

    def _write(self, sid: str, call_id: str, text: str) -> bool:
        folder = self.folder / sid
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(folder / _file_of(call_id), flags, 0o600), "wb") as handle:
                handle.write(text.encode(errors="replace"))
        except OSError as error:
            # The result itself is stored; only reading on in it will fail, with a reason.
            log.warning("a result is not kept", call=call_id, reason=error)
            return False
        return True


def _file_of(call_id: str) -> str:
    # A command writes its output to `ID.txt`, as it is.
    return f"{call_id}.kept.txt"


def _first_missing(content: str, whole: str) -> int:
    """The first line of a result that `content` does not show whole; without `whole`, the content itself says where that is."""
    if whole:
        pairs = enumerate(zip(content, whole, strict=False))
        alike = next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(content), len(whole)))
    else:
        alike = max(0, content.find("\n… "))
    return bisect.bisect_right(line_ends(content), alike) + 1


def _lines(text: str, first: int, last: int | None) -> Lines:
    ends = [0, *line_ends(text)]
    total = len(ends) - 1
    stop = min(last or total, total)
    return Lines([text[ends[at - 1] : ends[at]].removesuffix("\n") for at in range(first, stop + 1)], first, total)
