"""What a tool call did, on one line: lines read, lines added and removed, an exit code, and for a failure the line that says why."""

import re

from opta_protocol import events as e
from opta_protocol.event_parts import Change

WHY_CHARS_MAX, FILES_SHOWN = 160, 4
# How a failed command's result begins.
_ENDING = re.compile(r"Error: (?P<ending>exit code \d+|killed by signal \d+|timed out after [\d.]+ s|killed, because .+)")
_SAYS_WHY = re.compile(
    r"\b(?:[A-Z]\w*(?:Error|Exception)|(?i:error|fatal|failed|failure|panic(?:ked)?|exception|cannot|can't|not found|no such|denied|undefined|"
    r"unexpected|assert\w*))\b"
)
_RAISED = re.compile(r"\w[\w.]*(?:Error|Exception|Interrupt|Exit)\b")
_CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def line(event: e.ToolResult, name: str) -> str:
    """A call that has ended."""
    parts = [name, *_figures(event, name), _duration(event.durationMs)]
    return f"{'✓' if event.ok else '✕'} {' · '.join(part for part in parts if part)}"


def changed_files(event: e.FilesChanged) -> str:
    """Files that a command has changed."""
    shown = [" ".join([change.path, *_edits([change])]) for change in event.changes[:FILES_SHOWN]]
    rest = len(event.changes) - len(shown) + event.more
    return f"± changed {', '.join(shown)}{f' and {rest} more' if rest else ''}"


def why(content: str) -> str:
    """The line of a failed call that says what went wrong."""
    lines = [_CODES.sub("", each).rsplit("\r", 1)[-1] for each in content.split("\n")]
    found = _ENDING.fullmatch(lines[0])
    if found is None:
        return lines[0].removeprefix("Error: ")[:WHY_CHARS_MAX]
    rest = [each.strip() for each in lines[1:] if each.strip()]
    raised = [each for each in rest if _RAISED.match(each)] if any(each.startswith("Traceback (") for each in rest) else []
    reason = raised[-1] if raised else next((each for each in rest if _SAYS_WHY.search(each)), rest[-1] if rest else "")
    return f"{found['ending']}{f': {reason}' if reason else ''}"[:WHY_CHARS_MAX]


def _figures(event: e.ToolResult, name: str) -> list[str]:
    if not event.ok:
        return [why(event.content)]
    edits = _edits(event.changes)
    if edits:
        return edits
    count = f"{event.lines} line{'' if event.lines == 1 else 's'}"
    match name:
        case "read_file":
            return [f"{count} read"]
        case "run_command":
            return ["exit code 0", count]
        case _:
            return [count] if event.lines else []


def _edits(changes: list[Change]) -> list[str]:
    """`+n −m` over all changes; [] when no diff says it."""
    lines = [each for change in changes for each in _body(change.diff)]
    if not lines:
        return []
    return [f"+{sum(each.startswith('+') for each in lines)} −{sum(each.startswith('-') for each in lines)}"]


def _body(diff: str) -> list[str]:
    """The changed lines of a unified diff, without its head."""
    lines = diff.split("\n")
    begins = next((at for at, each in enumerate(lines) if each.startswith("@@")), len(lines))
    return [each for each in lines[begins:] if each[:1] in ("+", "-")]


def _duration(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"
