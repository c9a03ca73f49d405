"""What was undone of a turn's changes, by files and by hunks. The page's reducer (`desktop/web/src/transcript_undo.ts`) gives the same."""

from opta_protocol import events as e

from .transcript_parts import Turn


def note_undone(turn: Turn, event: e.TurnUndone) -> None:
    """Note what was taken back. A file that is undone as a whole is made again as a whole, unless its hunks were undone one by one."""
    turn.undone, turn.undoneAt = sorted({*turn.undone, *event.files}), event.seq
    named = {hunk.path for hunk in event.hunks}
    turn.undoneHunks = [
        *(each for each in turn.undoneHunks if each not in event.hunks and (each.path in named or each.path not in event.files)),
        *event.hunks,
    ]


def note_redone(turn: Turn, event: e.TurnRedone) -> None:
    """Note what was made again."""
    again = {*event.files, *(hunk.path for hunk in event.hunks)}
    turn.undone = [file for file in turn.undone if file not in again]
    turn.undoneHunks = [each for each in turn.undoneHunks if each not in event.hunks and each.path not in event.files]


def undone_names(event: e.TurnUndone | e.TurnRedone) -> list[str]:
    """What an undo or a redo was about: files, and hunks of others by their line ranges."""
    return [*event.files, *(f"{hunk.path} {hunk.lines}" for hunk in event.hunks if hunk.path not in event.files)]
