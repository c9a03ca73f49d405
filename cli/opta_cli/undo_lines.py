"""What an undo or a redo did to each file, in words, or would do."""

from typing import Any

from .plain_text import plain_line

_DID = {
    "restored": "is as it was",
    "merged": "is as it was, with what was changed since",
    "hunks": "has the other hunks only",
    "removed": "is removed",
    "unchanged": "was so already",
    "kept": "stays",
    "refused": "was left as it is",
}
_AGAIN = {**_DID, "restored": "is as the turn left it", "hunks": "has the hunks again"}


def refused(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of a daemon's answer (`TurnUndoneAnswer`) that were to be changed and are left as they are."""
    return [file for file in answer["files"] if file["did"] == "refused"]


def head(answer: dict[str, Any], direction: str) -> str:
    """The first line: whose changes, and whether anything was done. `direction`: undo or redo."""
    of = f"{direction} of {answer['turnId']}"
    if answer["isDone"]:
        return of
    return f"{of} would do this, and nothing was done{' because of what is refused' if refused(answer) else ''}:"


def file_lines(answer: dict[str, Any], direction: str) -> list[str]:
    """A line for each file, with the reason where one was left as it is."""
    words = _DID if direction == "undo" else _AGAIN
    return [plain_line(f"{file['path']} {words[file['did']]}{': ' + file['why'] if file.get('why') else ''}") for file in answer["files"]]


def short(answer: dict[str, Any], direction: str) -> str:
    """All of it in one line."""
    left = len(refused(answer))
    if not answer["isDone"]:
        return f"{answer['turnId']}: nothing was done, because {_files(left)} cannot be changed."
    did = "undone" if direction == "undo" else "made again"
    return f"{answer['turnId']}: {did}{f', except {_files(left)}' if left else ''}."


def _files(count: int) -> str:
    return f"{count} file" if count == 1 else f"{count} files"
