"""What a model reads when its answer was nothing that a turn can end with, and when that ends the turn all the same."""

from opta_core.errors import OptaError
from opta_protocol.error_info import ErrorCode

from .model_call import ModelAnswer

# Answers in a row that may be nothing; the next one ends the turn.
NUDGES_MAX = 1
EMPTY = "Your last answer was empty. Answer the user, or call a tool."
ONLY_THOUGHT = "You stopped after thinking, without an answer. Give the answer now, or call a tool."
CUT_CALL = (
    "Your answer reached its length limit inside of a tool call, so nothing of it was run. Call again with less: "
    "write a large file in parts, the first with write_file and the rest with edit_file."
)
CUT_TEXT = "Your answer was cut off at its length limit. Go on exactly where it ended, without repeating anything."
FILTERED = "The server's content filter stopped your answer. Answer in other words."
_REASONS = {
    EMPTY: "The model answered nothing, twice. Ask again, or choose another model.",
    ONLY_THOUGHT: "The model thought and gave no answer, twice. Ask again, or switch its thinking off.",
    CUT_CALL: "The model's tool call was cut off at its length limit, twice. Ask for smaller steps, or raise the model's limit.",
    CUT_TEXT: "The answer was cut off at the model's length limit, twice. What was said is kept; resume to go on.",
    FILTERED: "The server's content filter stopped the answer, twice. Ask in other words, or choose another model.",
}


def nudge_for(answer: ModelAnswer) -> str:
    """What to tell the model after an answer without calls, '' for a good one."""
    nothing = ONLY_THOUGHT if answer.has_thinking else EMPTY
    match answer.end.finish:
        case "length":
            return CUT_CALL if answer.end.has_cut_call else CUT_TEXT if answer.has_text else nothing
        case "content_filter":
            return FILTERED
        case _:
            return "" if answer.has_text else nothing


def no_answer(nudge: str) -> OptaError:
    """The error that ends a turn whose model read that and did it again."""
    return OptaError(_REASONS[nudge], code=ErrorCode.no_answer)
