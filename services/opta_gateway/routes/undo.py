"""What a turn changed in files: shown, undone and redone."""

import os
from typing import Literal

import msgspec

from opta_core.errors import OptaError, Refused
from opta_core.transcript import Transcript
from opta_core.transcript_parts import Turn
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import TurnRedone, TurnUndone
from opta_protocol.file_changes import ChangeSet
from opta_protocol.http import Session
from opta_protocol.http_changes import TurnChanges, TurnUndoneAnswer, UndoTurnRequest

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
    effects = [(call, effect) for step in turn.steps for call in step.calls for effect in call.effects]
    return TurnChanges(
        turnId=turn.id,
        files=[msgspec.structs.replace(file, isUndone=file.path in turn.undone) for file in shown.files],
        missed=[f"{str(call.args.get('command', call.name))[:200]}: {effect.missed}" for call, effect in effects if effect.missed],
        notCovered=shown.notCovered,
        beside=sorted({f"s-{sid}" for _, effect in effects for sid in effect.beside}),
    )


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
    paths = [_relative(path, transcript.cwd) for path in wanted.paths]
    if direction == "redo":
        if other := [path for path in paths if path not in turn.undone]:
            raise Refused(f"The change of {other[0][:200]} in {turn.id} was not undone.", code=ErrorCode.conflict)
        paths = paths or turn.undone
    done = await gateway.worker.undo(
        session.id,
        transcript.cwd,
        transcript.folder,
        change_sets(turn),
        paths,
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
    files = [file.path for file in done.files if file.did not in ("refused", "kept")]
    if done.isDone and files:
        event = TurnUndone if direction == "undo" else TurnRedone
        try:
            await gateway.store.append(event(sid=session.id, turn=turn.id, files=files))
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


def _last_changing(transcript: Transcript) -> Turn | None:
    return next(
        (turn for turn in reversed(transcript.turns) if any(call.changes or call.effects for step in turn.steps for call in step.calls)),
        None,
    )


def _relative(path: str, cwd: str) -> str:
    """A path as changes name it: relative to the session's folder."""
    path = os.path.normpath(path)
    return path.removeprefix(f"{cwd.rstrip('/')}/")


def _turn(transcript: Transcript, wanted: str, direction: Direction) -> Turn:
    if wanted:
        turn = transcript.turn(wanted)
        if turn is None:
            raise Refused(f"There is no turn {wanted[:20]!r} in this session.", code=ErrorCode.not_found)
        if not change_sets(turn):
            raise Refused(f"{wanted} changed no file.", code=ErrorCode.conflict)
        if direction == "redo" and not turn.undone:
            raise Refused(f"Nothing of {wanted} was undone.", code=ErrorCode.conflict)
        return turn
    if direction == "redo":
        # The oldest one first: what was undone last is the earliest turn.
        if found := next((turn for turn in transcript.turns if turn.undone), None):
            return found
        raise Refused("No turn of this session was undone.", code=ErrorCode.conflict)
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
