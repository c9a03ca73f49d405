"""Models whose server refused what was asked about thinking: learnt from its error once, said once, and asked without from then on."""

import msgspec

from opta_core.logs import Log

from .base import ModelRequest

log = Log("provider")


class ThinkingRefusals:
    """What one provider has learnt. Kept while its connection is, so that a server that was replaced or upgraded is asked again."""

    def __init__(self, name: str):
        self._name = name
        self._models: set[str] = set()
        self._unsaid: dict[str, str] = {}

    def learn(self, request: ModelRequest) -> bool:
        """A server refused this request for its words about thinking. False when there were none, or that was known before."""
        if request.model in self._models or not asks(request):
            return False
        self._models.add(request.model)
        asked = f"thinking {request.thinking}" if request.thinking != "auto" else f"a thinking-budget of {request.thinking_budget}"
        self._unsaid[request.model] = (
            f"{self._name} does not take {asked} for {request.model}: how much it thinks is left to its server. "
            f'To ask for nothing: opta config set models."{self._name}/{request.model}".thinking auto'
        )
        log.info("asked again without a word about thinking", provider=self._name, model=request.model)
        return True

    def applied(self, request: ModelRequest) -> ModelRequest:
        """The request without what its server does not take."""
        if request.model not in self._models:
            return request
        return msgspec.structs.replace(request, thinking="auto", thinking_budget=0)

    def notice(self, model: str) -> str:
        """What a person has not read yet; '' for nothing."""
        return self._unsaid.pop(model, "")


def asks(request: ModelRequest) -> bool:
    """Whether a request says anything about thinking."""
    return request.thinking != "auto" or request.thinking_budget > 0
