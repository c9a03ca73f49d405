"""A plan that a person accepts: the answer of a turn in plan mode becomes the prompt of a turn that carries it out."""

from opta_core.errors import Refused
from opta_core.transcript import Transcript
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Mode

ACCEPTED = "The user accepted this plan. Carry it out."


def prompt_from(transcript: Transcript, turn_id: str, words: str) -> str:
    """The prompt that carries out the plan of a turn; `words`: what the person adds. Raises Refused: that turn has no plan."""
    turn, name = transcript.turn(turn_id), turn_id[:20]
    if turn is None:
        raise Refused(f"Field 'fromPlan': there is no turn {name!r} in s-{transcript.sid}.", code=ErrorCode.not_found)
    if turn.mode is not Mode.plan:
        raise Refused(f"Field 'fromPlan': {name} is no turn in mode plan.")
    if not turn.endedAt:
        raise Refused(f"Field 'fromPlan': {name} has not ended.", code=ErrorCode.conflict)
    plan = turn.steps[-1].text.strip() if turn.steps else ""
    if turn.state != "done" or (turn.stats or {}).get("finish") != "stop" or not plan:
        raise Refused(f"Field 'fromPlan': {name} did not come to a plan. Resume it, or ask for the plan again.", code=ErrorCode.conflict)
    return "\n\n".join(part for part in (ACCEPTED, plan, words.strip()) if part)
