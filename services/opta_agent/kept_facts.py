"""What a summary keeps word for word, whatever the model writes: the user's messages, the files that were changed, and the plan."""

from collections.abc import Iterable
from dataclasses import dataclass

from opta_core.transcript import Transcript, Turn

MESSAGES = "The user's messages, oldest first:"
FILES = "Files changed so far: "
PLAN = "Plan: "
MESSAGE_CHARS_MAX = 600


@dataclass(frozen=True)
class Covered:
    """What is kept of a turn that a summary covers. `words`: what the user wrote."""

    turn: str
    words: str
    files: tuple[str, ...]


def covered(turn: Turn) -> Covered:
    """What is kept of a turn."""
    files = dict.fromkeys(change.path for step in turn.steps for call in step.calls for change in call.changes)
    words = " ".join([turn.text, *(steer.text for steer in turn.steers if steer.step)])
    return Covered(turn.id, "" if turn.compact else words, tuple(files))


def of(turns: Iterable[Covered], transcript: Transcript, chars: int) -> str:
    """The facts of these turns and of the summary before them, in about `chars` characters; the newest messages and files that fit."""
    messages, files = _of_summary(transcript.summary if transcript.compactedTo > transcript.clearedTo else "")
    for turn in turns:
        if words := " ".join(turn.words.split()):
            messages.append(words if len(words) <= MESSAGE_CHARS_MAX else f"{words[: MESSAGE_CHARS_MAX - 1]}…")
        files = [*(file for file in files if file not in turn.files), *turn.files]
    plan = "; ".join(f"[{item.get('state', '')}] {item.get('text', '')}" for item in transcript.plan)
    found = [f"{PLAN}{plan[: chars // 4]}"] if plan else []
    if files:
        found.insert(0, FILES + ", ".join(newest(files, chars // 4)))
    lines = newest([f"- {message}" for message in messages], chars - sum(map(len, found)) - len(MESSAGES))
    return "\n".join([*([MESSAGES, *lines] if lines else []), *found])


def _of_summary(summary: str) -> tuple[list[str], list[str]]:
    """The messages and files that an earlier summary kept."""
    _, is_kept, rest = f"\n{summary}".rpartition(f"\n{MESSAGES}\n")
    lines = rest.split("\n") if is_kept else summary.split("\n")[-2:]
    messages = [line.removeprefix("- ") for line in lines if line.startswith("- ")] if is_kept else []
    files = next((line.removeprefix(FILES) for line in reversed(lines) if line.startswith(FILES)), "")
    return messages, files.split(", ") if files else []


def newest(lines: list[str], chars: int) -> list[str]:
    """The last lines that fit."""
    kept: list[str] = []
    for line in reversed(lines):
        chars -= len(line) + 1
        if chars < 0:
            break
        kept.append(line)
    return kept[::-1]
