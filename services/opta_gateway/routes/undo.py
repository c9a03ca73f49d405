"""What a turn changed in files: shown, undone and redone."""

import asyncio
import os
from pathlib import Path
from typing import Literal

import msgspec

from opta_core.errors import OptaError, Refused
from opta_core.transcript import Transcript
from opta_core.transcript_parts import Turn
from opta_protocol.error_info import ErrorCode
from opta_protocol.event_parts import FileHunk
from opta_protocol.events import TurnRedone, TurnUndone
from opta_protocol.file_changes import ChangeSet
from opta_protocol.http import Session
from opta_protocol.http_changes import SessionChanges, SessionFile, TurnChanges, TurnOfFile, TurnUndoneAnswer, UndoTurnRequest

from ..endpoint import GatewayOf, TypedRouter, body

routes = TypedRouter()
# Files named in the sentence that says why an undo was refused.
NAMED_MAX = 5
Direction = Literal["undo", "redo"]
_PAST: dict[Direction, str] = {"undo": "undone", "redo": "redone"}


@routes.get("/v3/sessions/{name}/turns/{turn_id}/changes")
async def changes(gateway: GatewayOf, name: str, turn_id: str) -> TurnChanges:
    """The files that a turn changed, with their diffs: by file tools and by commands. `last`: of the last turn that changed any."""
    session = await gateway.store.session(name)
    transcript = await gateway.store.transcript(session.id)
    turn = _last_changing(transcript) if turn_id == "last" else transcript.turn(turn_id)
    if turn is None:
        what = "No turn of this session changed a file." if turn_id == "last" else f"There is no turn {turn_id[:20]!r} in this session."
        raise Refused(what, code=ErrorCode.not_found)
    sets = change_sets(turn)
    shown = await gateway.worker.changes(session.id, transcript.cwd, transcript.folder, sets)
    if shown.problem:
        raise Refused(f"The changes of {turn.id} cannot be shown: {shown.problem}", code=ErrorCode.conflict)
    return TurnChanges(
        turnId=turn.id,
        files=[
            msgspec.structs.replace(file, isUndone=file.path in turn.undone, undoneHunks=_undone_hunks(turn, file.path))
            for file in shown.files
        ],
        missed=_missed([turn]),
        notCovered=shown.notCovered,
        beside=_beside([turn]),
    )


@routes.get("/v3/sessions/{name}/changes")
async def session_changes(gateway: GatewayOf, name: str) -> SessionChanges:
    """The files that the turns of a session changed, with their diffs. Undone and redone they are turn by turn."""
    session = await gateway.store.session(name)
    transcript = await gateway.store.transcript(session.id)
    turns = [turn for turn in transcript.turns if change_sets(turn)]
    if not turns:
        return SessionChanges(files=[], missed=_missed(transcript.turns), beside=_beside(transcript.turns))
    turn_of = {changes.callId: turn for turn in turns for changes in change_sets(turn)}
    sets = [changes for turn in turns for changes in change_sets(turn)]
    shown = await gateway.worker.changes(session.id, transcript.cwd, transcript.folder, sets)
    if shown.problem:
        raise Refused(f"The changes of s-{session.id} cannot be shown: {shown.problem}", code=ErrorCode.conflict)
    files: list[SessionFile] = []
    for file in shown.files:
        changed_by = {turn.id: turn for turn in (turn_of.get(call) for call in file.calls) if turn is not None}
        by = [
            TurnOfFile(turnId=turn.id, isUndone=file.path in turn.undone, undoneHunks=_undone_hunks(turn, file.path))
            for turn in changed_by.values()
        ]
        is_undone = bool(by) and all(each.isUndone for each in by)
        files.append(msgspec.convert(msgspec.to_builtins(file) | {"isUndone": is_undone, "turns": msgspec.to_builtins(by)}, SessionFile))
    return SessionChanges(files=files, missed=_missed(transcript.turns), notCovered=shown.notCovered, beside=_beside(transcript.turns))


@routes.post("/v3/sessions/{name}/undo")
async def undo_turn(gateway: GatewayOf, name: str, wanted: UndoTurnRequest = body(UndoTurnRequest)) -> TurnUndoneAnswer:
    """Take back what a turn changed: all of it or nothing, unless `partly`. What was changed since stays where both can be merged."""
    return await _move(gateway, name, wanted, "undo")


@routes.post("/v3/sessions/{name}/redo")
async def redo_turn(gateway: GatewayOf, name: str, wanted: UndoTurnRequest = body(UndoTurnRequest)) -> TurnUndoneAnswer:
    """Make again what was undone of a turn."""
    return await _move(gateway, name, wanted, "redo")


async def _move(gateway: GatewayOf, name: str, wanted: UndoTurnRequest, direction: Direction) -> TurnUndoneAnswer:
    session: Session = await gateway.store.session(name)
    if session.activeTurn:
        raise Refused(f"s-{session.id} is at work; {direction} when it has ended.", code=ErrorCode.busy)
    transcript = await gateway.store.transcript(session.id)
    turn = _turn(transcript, wanted.turnId, direction)
    if wanted.paths and wanted.hunks:
        raise Refused("Name paths or hunks, not both.", code=ErrorCode.invalid)
    paths, hunks = await asyncio.to_thread(_asked, wanted, transcript.cwd)
    _refuse_hunks(turn, hunks, direction)
    if direction == "redo" and not hunks:
        undone = sorted({*turn.undone, *(hunk.path for hunk in turn.undoneHunks)})
        if other := [path for path in paths if path not in undone]:
            raise Refused(f"The change of {other[0][:200]} in {turn.id} was not undone.", code=ErrorCode.conflict)
        paths = paths or undone
    done = await gateway.worker.undo(
        session.id,
        transcript.cwd,
        transcript.folder,
        change_sets(turn),
        paths,
        hunks,
        redo=direction == "redo",
        partly=wanted.partly,
        dry_run=wanted.dryRun,
    )
    if done.problem:
        raise Refused(f"{turn.id} was not {_PAST[direction]}: {done.problem}", code=ErrorCode.conflict)
    if not done.isDone and not wanted.dryRun:
        refused = [file for file in done.files if file.did == "refused"]
        raise Refused(
            f"Nothing was {_PAST[direction]} of {turn.id}: {'; '.join(f'{file.path} {file.why}' for file in refused[:NAMED_MAX])}"
            + (f"; and {len(refused) - NAMED_MAX} more files" if len(refused) > NAMED_MAX else ""),
            code=ErrorCode.conflict,
            details={"files": [msgspec.to_builtins(file) for file in done.files]},
        )
    moved = [file for file in done.files if file.did not in ("refused", "kept")]
    # The last hunk that was left makes the whole file undone.
    files = [file.path for file in moved if not hunks or file.did in ("restored", "removed")]
    hunks = [hunk for hunk in hunks if any(file.path == hunk.path for file in moved)]
    if done.isDone and moved:
        event = TurnUndone if direction == "undo" else TurnRedone
        try:
            await gateway.store.append(event(sid=session.id, turn=turn.id, files=files, hunks=hunks))
        except OptaError as error:
            raise type(error)(
                f"The changes of {turn.id} are {_PAST[direction]}, but the session does not say so: {error.message} To note it, ask again.",
                code=error.code,
            ) from error
    return TurnUndoneAnswer(turnId=turn.id, isDone=done.isDone, files=done.files)


def change_sets(turn: Turn) -> list[ChangeSet]:
    """What a turn's tools did to files, in the order of the calls."""
    sets: list[ChangeSet] = []
    for call in (call for step in turn.steps for call in step.calls):
        if call.changes:
            sets.append(ChangeSet(callId=call.id, changes=call.changes))
        sets += [
            ChangeSet(callId=call.id, changes=effect.changes, kept=effect.kept, background=effect.background)
            for effect in call.effects
            if effect.changes
        ]
    return sets


def _missed(turns: list[Turn]) -> list[str]:
    calls = [call for turn in turns for step in turn.steps for call in step.calls]
    return [
        f"{str(call.args.get('command', call.name))[:200]}: {effect.missed}" for call in calls for effect in call.effects if effect.missed
    ]


def _beside(turns: list[Turn]) -> list[str]:
    calls = [call for turn in turns for step in turn.steps for call in step.calls]
    return sorted({f"s-{sid}" for call in calls for effect in call.effects for sid in effect.beside})


def _last_changing(transcript: Transcript) -> Turn | None:
    return next(
        (turn for turn in reversed(transcript.turns) if any(call.changes or call.effects for step in turn.steps for call in step.calls)),
        None,
    )


def _undone_hunks(turn: Turn, path: str) -> list[str]:
    return [hunk.lines for hunk in turn.undoneHunks if hunk.path == path]


def _asked(wanted: UndoTurnRequest, cwd: str) -> tuple[list[str], list[FileHunk]]:
    return (
        [_relative(path, cwd) for path in wanted.paths],
        [msgspec.structs.replace(hunk, path=_relative(hunk.path, cwd)) for hunk in wanted.hunks],
    )


def _refuse_hunks(turn: Turn, hunks: list[FileHunk], direction: Direction) -> None:
    """Raises Refused when a hunk is undone already, or was not undone and is to be made again."""
    for hunk in hunks:
        name, is_undone = f"The hunk {hunk.lines} of {hunk.path[:200]} in {turn.id}", hunk in turn.undoneHunks
        if direction == "redo" and not is_undone:
            raise Refused(f"{name} was not undone by itself; redo the file if it was undone.", code=ErrorCode.conflict)
        if direction == "undo" and (is_undone or hunk.path in turn.undone):
            raise Refused(f"{name} is undone already.", code=ErrorCode.conflict)


def _relative(path: str, cwd: str) -> str:
    """A path as changes name it: relative to the session's folder, which a person may know by another name (a link)."""
    path, inside = os.path.normpath(path), f"{cwd.rstrip('/')}/"
    if path.startswith("/") and not path.startswith(inside) and "\0" not in path:
        given = Path(path)
        path = str(Path(os.path.realpath(given.parent), given.name))
    return path.removeprefix(inside)


def _turn(transcript: Transcript, wanted: str, direction: Direction) -> Turn:
    if wanted:
        turn = transcript.turn(wanted)
        if turn is None:
            raise Refused(f"There is no turn {wanted[:20]!r} in this session.", code=ErrorCode.not_found)
        if not change_sets(turn):
            raise Refused(f"{wanted} changed no file.", code=ErrorCode.conflict)
        if direction == "redo" and not (turn.undone or turn.undoneHunks):
            raise Refused(f"Nothing of {wanted} was undone.", code=ErrorCode.conflict)
        return turn
    if direction == "redo":
        undone = [turn for turn in transcript.turns if turn.undone or turn.undoneHunks]
        if not undone:
            raise Refused("No turn of this session was undone.", code=ErrorCode.conflict)
        # What was undone last is made again first.
        return max(undone, key=lambda turn: turn.undoneAt)
    for turn in reversed(transcript.turns):
        if _can_be_undone(turn):
            return turn
    raise Refused("No turn of this session changed a file that could be put back.", code=ErrorCode.conflict)


def _can_be_undone(turn: Turn) -> bool:
    """Whether a file is not undone that the turn surely changed. Folders may stay because of what they hold."""
    ends: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {}
    for changes in change_sets(turn):
        for change in changes.changes if not changes.background else []:
            begin, _ = ends.get(change.path, ((change.before, change.beforeMode), ("", "")))
            ends[change.path] = begin, (change.after, change.afterMode)
    files = {path for path, (before, after) in ends.items() if before != after and (before[0] or after[0])}
    return bool(files.difference(turn.undone)) or (not turn.undone and bool(ends))
