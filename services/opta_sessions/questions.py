"""The store's answers to read-only questions."""

import msgspec

from opta_core.bus import Bus, Frames
from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.logs import Log
from opta_protocol.commands import After, GetSession, ListSessions, Question, Reply
from opta_protocol.errors import ErrorCode
from opta_protocol.topics import STORE_QUERY

from .shelf import Shelf

_question: msgspec.json.Decoder[After | ListSessions | GetSession] = msgspec.json.Decoder(Question)
_encode = msgspec.json.Encoder().encode
log = Log("questions")


class Questions:
    """The store's side of `store.q`."""

    def __init__(self, bus: Bus, shelf: Shelf):
        self._shelf = shelf
        self._router = bus.router(STORE_QUERY, self._on_question)

    def _on_question(self, peer: bytes, frames: Frames) -> None:
        try:
            question = _question.decode(frames[0])
        except msgspec.DecodeError as error:
            log.error("unreadable question", reason=error)
            return
        lines: list[bytes] = []
        try:
            match question:
                case After():
                    lines = self._after(question)
                    reply = Reply(id=question.id)
                case ListSessions():
                    page = self._shelf.page(question.q, question.state, max(1, min(question.limit, 1000)), question.cursor)
                    reply = Reply(id=question.id, result=page)
                case GetSession():
                    reply = Reply(id=question.id, result=self._shelf.summary(self._shelf.resolve(question.sid)))
        except OptaError as error:
            reply = Reply(id=question.id, error=error.info())
        except OSError as error:
            reason = f"The journal cannot be read now ({error.strerror or error}). `opta daemon logs sessions` has more."
            reply = Reply(id=question.id, error=Unavailable(reason).info())
        self._router.send(peer, [_encode(reply), *lines])

    def _after(self, question: After) -> list[bytes]:
        if not self._shelf.has(question.sid):
            raise Refused(f"There is no session s-{question.sid}.", code=ErrorCode.not_found)
        return self._shelf.journal(question.sid).after(question.after, question.limit)
