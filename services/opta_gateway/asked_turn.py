"""What a turn was asked for with: for a turn that goes on with it, and for one that asks the same again.

A turn has its own mode, level, model and limits. A session has others, for the prompts that name none.
"""

import msgspec

from opta_core.transcript import Turn
from opta_protocol import wire
from opta_protocol.event_parts import Limits
from opta_protocol.events import TurnStart
from opta_protocol.http import Session
from opta_protocol.permissions import Level, Mode

from .store_access import StoreAccess


class AskedTurn(msgspec.Struct, frozen=True, kw_only=True):
    """What a resumed turn goes on with. `unread`: words that were said to the turn, and that no model read."""

    mode: Mode
    level: Level
    model: str
    limits: Limits
    unread: list[str] = []


async def resumed(store: StoreAccess, session: Session, turn_id: str) -> AskedTurn:
    """What a turn that resumes `turn_id` has: what that one had. A level or a model that the session got since then counts instead."""
    turn = (await store.transcript(session.id)).turn(turn_id)
    if turn is None:
        # The store knows whether there is a turn to resume.
        return AskedTurn(mode=session.mode, level=session.level, model=session.model, limits=Limits())
    level, model = turn.level, turn.model
    if (level, model) != (session.level, session.model):
        then = await store.transcript(session.id, turn.seq)
        level = level if then.level == session.level else session.level
        # What failed may be the model, which a person sets for the session then, or in the settings.
        model = model if then.model == session.model and turn.state != "error" else session.model
    unread = [steer.text for steer in turn.steers if not steer.step]
    return AskedTurn(mode=turn.mode, level=level, model=model, limits=await asked_limits(store, session.id, turn), unread=unread)


async def asked_limits(store: StoreAccess, sid: str, turn: Turn) -> Limits:
    """The limits that a turn was asked for with. Those that a transcript shows hold what the settings said, too."""
    first = [wire.decode(line) for line in await store.queries.after(sid, turn.seq - 1, 1)]
    return next((event.limits for event in first if isinstance(event, TurnStart)), Limits())


def with_asked(known: Limits, wanted: Limits) -> Limits:
    """`known` limits, with those of a request in their places."""
    return msgspec.structs.replace(known, **{name: value for name, value in msgspec.structs.asdict(wanted).items() if value})
