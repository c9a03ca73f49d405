"""A provider whose every answer and failure is noted in the health of all providers."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from opta_core.errors import OptaError
from opta_protocol.error_info import ErrorCode

from .base import ModelRequest, Notice, Part, Prefill, Provider
from .health import ProviderHealth

_DEAD = (ErrorCode.provider_unavailable, ErrorCode.stream_lost)


class MeasuredProvider:
    """Passes a stream on. A server that asks to slow down or loads its model is not dead, and one that broke off after a word answers."""

    def __init__(self, inner: Provider, health: ProviderHealth):
        self.name, self.host = inner.name, inner.host
        self._inner, self._health = inner, health

    async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
        """See `Provider`."""
        has_answered = False
        try:
            async with aclosing(self._inner.stream(request)) as stream:
                async for parts in stream:
                    if not has_answered and not all(isinstance(part, Notice | Prefill) for part in parts):
                        has_answered = True
                        self._health.answered(self.name)
                    yield parts
        except OptaError as error:
            is_patient = error.details.get("isLoading") or error.retry_after_s is not None
            if error.code in _DEAD and not has_answered and not is_patient:
                self._health.failed(self.name, error.message, is_dead=bool(error.details.get("isUnreachable")))
            raise
