"""Questions that models ask: list the open ones, answer one."""

import msgspec

from opta_core.clock import seconds_until
from opta_core.errors import Refused
from opta_core.transcript import Call, Transcript, Turn
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import QuestionAnswered
from opta_protocol.http import Ok
from opta_protocol.http_control import AnswerQuestion
from opta_protocol.http_lists import OpenQuestion, OpenQuestions

from ..askers import waiting_sessions
from ..endpoint import GatewayOf, TypedRouter, body

routes = TypedRouter()


@routes.post("/v3/sessions/{name}/questions/{question_id}")
async def answer_question(gateway: GatewayOf, name: str, question_id: str, wanted: AnswerQuestion = body(AnswerQuestion)) -> Ok:
    """Answer a question of the model: one of its options, or other words. The first answer counts; later ones get 409."""
    session = await gateway.store.session(name)
    found = _question(await gateway.store.transcript(session.id), question_id)
    if found is None:
        raise Refused(f"There is no question {question_id[:20]!r} in s-{session.id}.", code=ErrorCode.not_found)
    turn, call = found
    assert call.asked is not None
    if reason := _over(turn, call):
        raise Refused(reason, code=ErrorCode.conflict)
    text = wanted.text
    if wanted.option is not None:
        if not 0 <= wanted.option < len(call.asked.options):
            raise Refused(f"Field 'option': this question has {len(call.asked.options)} options, counted from 0.")
        text = call.asked.options[wanted.option]
    if not text.strip():
        raise Refused("Field 'text': give the answer, or the number of an option.")
    answered = QuestionAnswered(
        sid=session.id, turn=turn.id, questionId=question_id, callId=call.id, by="client", text=text, client=wanted.client
    )
    await gateway.store.append(answered)
    return Ok()


@routes.get("/v3/questions")
async def list_questions(gateway: GatewayOf) -> OpenQuestions:
    """Open questions of the models of all sessions."""
    found: list[OpenQuestion] = []
    for session, asker in await waiting_sessions(gateway.store):
        transcript = await gateway.store.transcript(session.id)
        found += [
            OpenQuestion(
                sid=session.id,
                turn=turn.id,
                questionId=call.asked.id,
                text=call.asked.text,
                options=call.asked.options,
                expiresAt=call.asked.expiresAt,
                **msgspec.structs.asdict(asker),
            )
            for turn, call in _asked(transcript)
            if call.asked is not None and not _over(turn, call)
        ]
    return OpenQuestions(questions=found)


def _asked(transcript: Transcript) -> list[tuple[Turn, Call]]:
    return [(turn, call) for turn in transcript.turns for step in turn.steps for call in step.calls if call.asked is not None]


def _question(transcript: Transcript, question_id: str) -> tuple[Turn, Call] | None:
    return next(((turn, call) for turn, call in _asked(transcript) if call.asked and call.asked.id == question_id), None)


def _over(turn: Turn, call: Call) -> str:
    """Why a question takes no answer any more, '' when it does."""
    assert call.asked is not None
    if call.asked.by == "timeout":
        return "Nobody answered this question in time."
    if call.asked.by:
        return f"This question was answered already{f' in {call.asked.client}' if call.asked.client else ''}."
    if turn.endedAt:
        return "The turn of this question has ended."
    if call.asked.expiresAt and seconds_until(call.asked.expiresAt) <= 0:
        return f"This question expired at {call.asked.expiresAt}."
    return ""
