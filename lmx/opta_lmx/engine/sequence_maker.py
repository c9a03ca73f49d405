"""Makes sequences of orders: what an order asks for is checked against the model before any of it is computed."""

from ..ipc.messages import EngineMessage, Failed, Finished, Generate
from .answer_forms import AnswerForms
from .cache.cache_cost import CacheCost
from .grammar import GrammarError
from .sequence import Sequence, Vocabulary


class SequenceMaker:
    """`context_length`: tokens of a conversation, 0 for unknown."""

    def __init__(self, vocabulary: Vocabulary, forms: AnswerForms, context_length: int):
        self._vocabulary, self._forms, self._context_length = vocabulary, forms, context_length

    def made(self, order: Generate, prompt: list[int]) -> Sequence | EngineMessage:
        """The sequence of an order, or the one message that answers it."""
        limit = self._context_length
        if limit and len(prompt) >= limit:
            message = f"The prompt has {len(prompt)} tokens; the context length of this model is {limit}."
            return Failed(id=order.id, code="context_length_exceeded", message=message)
        if not prompt:
            return Failed(id=order.id, code="invalid", message="The prompt is empty for this model.")
        if not order.max_tokens:
            return Finished(id=order.id, finish="stop", prompt_tokens=len(prompt), completion_tokens=0)
        if bad := next((token for token in order.logit_bias if int(token) >= self._vocabulary.size), None):
            return Failed(id=order.id, code="invalid", message=f"Field 'logit_bias': there is no token {bad} in this model.")
        answer_tokens_max = max(1, min(order.max_tokens, limit - len(prompt) if limit else order.max_tokens))
        sequence = Sequence(order, prompt, answer_tokens_max, self._vocabulary, self._forms.parser(order, prompt))
        try:
            self._forms.constrain(sequence)
        except GrammarError as error:
            field = "tools" if order.forced or order.strict else "response_format"
            return Failed(id=order.id, code="invalid", message=f"Field '{field}': this schema cannot be enforced: {error}")
        return sequence


def refusal_by_memory(sequence: Sequence, cost: CacheCost, available: int) -> EngineMessage | None:
    """Note the size of a sequence; returns the refusal of one whose prompt does not fit into `available` bytes (0: no limit)."""
    sequence.size = cost.bytes(len(sequence.prompt) + sequence.answer_tokens_max)
    if not available or cost.bytes(len(sequence.prompt)) <= available:
        return None
    figures = f"{sequence.size / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB are available for conversations"
    message = f"The prompt has {len(sequence.prompt)} tokens; with its answer it needs {figures}."
    return Failed(id=sequence.order.id, code="context_length_exceeded", message=message)
