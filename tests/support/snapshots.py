"""Compares what is reduced from a snapshot and the lines after it with what is reduced from the whole journal."""

import dataclasses
from pathlib import Path
from typing import Any
from zlib import crc32

import opta_agent
import opta_sessions
from opta_agent.session import AgentSession
from opta_agent.session_record import decoded
from opta_core.code_edition import code_edition
from opta_sessions.session_state import SessionState
from opta_sessions.snapshot_format import HEADER_BYTES_MAX, UnusableSnapshot, header_of, state_of


def store_edition() -> str:
    """The edition of the store's code."""
    return code_edition(Path(opta_sessions.__file__ or "").parent)


def agent_edition() -> str:
    """The edition of the agent's code."""
    return code_edition(Path(opta_agent.__file__ or "").parent)


def checked_snapshots(files: dict[Path, bytes]) -> tuple[int, list[str]]:
    """(how many snapshots agree with their journal, how what is known from them differs from it), of some files with their contents."""
    count, problems = 0, list[str]()
    for path, snapshot in files.items():
        journal = files.get(path.with_suffix(".jsonl"))
        if path.suffix == ".snapshot" and journal is not None and agrees(path.stem, journal, snapshot):
            count += 1
            problems += [f"{path.stem}: {name} differs from the journal" for name in differences(path.stem, journal, snapshot)]
    return count, problems


def agrees(sid: str, journal: bytes, snapshot: bytes) -> bool:
    """Whether a snapshot is whole and was made from the beginning of this journal."""
    try:
        header = header_of(snapshot[:HEADER_BYTES_MAX], sid=sid, edition=store_edition(), size=len(snapshot))
        for part in (header.state, header.context):
            part.checked(snapshot[part.at : part.at + part.size])
    except UnusableSnapshot:
        return False
    return header.position.size <= len(journal) and crc32(journal[: header.position.size]) == header.position.crc


def differences(sid: str, journal: bytes, snapshot: bytes) -> list[str]:
    """The fields of the store's state and of the agent's session that differ. The snapshot has to agree with the journal."""
    header = header_of(snapshot[:HEADER_BYTES_MAX], sid=sid, edition=store_edition(), size=len(snapshot))
    before, after = journal[: header.position.size].splitlines(), journal[header.position.size :].splitlines()
    assert len(before) == header.position.seq
    restored = state_of(header, snapshot[header.state.at : header.state.at + header.state.size])
    for line in after:
        restored.apply(line)
    found = [name for name, value in state_fields(reduced(sid, [*before, *after])).items() if state_fields(restored)[name] != value]
    record = decoded(agent_edition(), snapshot[header.context.at :])
    if record is None or record.seq != header.position.seq:
        return [*found, "no record"]
    session = AgentSession(sid, "other.boot")
    session.restore(record)
    return found + session_differences(session, record.seq, before, after)


def session_differences(session: AgentSession, seq: int, before: list[bytes], after: list[bytes]) -> list[str]:
    """The parts of a session at line `seq` that differ, once it has the lines `after`, from those of one that reads all lines."""
    whole = AgentSession(session.sid, "other.boot")
    whole.take(1, [*before, *after])
    session.take(seq + 1, after)
    known, wanted = session_fields(session), session_fields(whole)
    return [name for name, value in wanted.items() if known[name] != value]


def reduced(sid: str, lines: list[bytes]) -> SessionState:
    """The store's state after these lines."""
    state = SessionState(sid)
    for line in lines:
        state.apply(line)
    return state


def state_fields(state: SessionState) -> dict[str, Any]:
    """What a journal alone determines. A running store also knows the numbers of events that it did not write."""
    return {field.name: getattr(state, field.name) for field in dataclasses.fields(state) if field.name not in ("producers", "_answers")}


def session_fields(session: AgentSession) -> dict[str, Any]:
    """What prompts and decisions are made of, with every turn in the history."""
    session.settle("")
    record = session.record(0)
    history, transcript = record.history, record.transcript
    names = (*("title", "cwd", "mode", "level", "model", "policy", "trusted", "folder", "parent", "parentTurn", "parentCall", "depth"),)
    later = ("clearedTo", "compactedTo", "summary", "pendingNote", "plan", "notes", "remarks", "turns", "worktree", "interactive")
    return {
        **{name: getattr(history, name) for name in ("encoded", "upto", "summary", "starts", "covered", "added", "pictured", "reported")},
        **{f"transcript.{name}": getattr(transcript, name) for name in (*names, *later)},
        **{name: getattr(record, name) for name in ("injected", "granted", "commands", "asked", "results", "decisions")},
    }
