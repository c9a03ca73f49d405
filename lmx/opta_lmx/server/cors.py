"""Which web pages may call LMX, and the headers by which browsers let them: an exact list of origins, empty by default.

**Invariant:** an answer names one listed origin, never `*`, and never allows credentials; LMX has no cookies. A page may call the
inference routes and nothing else.
"""

import re
from collections.abc import Collection

from opta_http.asgi import Headers, Message, Scope, Send, header_values, send_response

# What pages may call: models and answers. Not the routes that administer LMX, pair with it, or prove who it is.
_PREFIXES = ("/v1/", "/api/", "/chat/completions", "/completions", "/embeddings", "/models", "/health")
_SECONDS = b"600"
_NAMES_MAX = 1024
_HEADER_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?: *, *[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")
_EXPOSED = b"x-lmx-model, x-lmx-ignored, retry-after"


class Origins:
    """The listed origins, such as http://localhost:3000 or app://obsidian.md."""

    def __init__(self, listed: Collection[str]):
        self._listed = {origin.lower().encode() for origin in listed}

    def may_call(self, scope: Scope) -> bool:
        """Whether the page that sends this request is listed, and its path is one for pages."""
        given = header_values(scope["headers"], b"origin")
        return len(given) == 1 and given[0].lower() in self._listed and scope["path"].startswith(_PREFIXES)

    def is_preflight(self, scope: Scope) -> bool:
        """Whether a browser asks if a listed page may send a request."""
        headers = scope["headers"]
        return scope["method"] == "OPTIONS" and bool(header_values(headers, b"access-control-request-method")) and self.may_call(scope)


async def answer_preflight(scope: Scope, send: Send) -> None:
    """Allow a listed page to send a request with the headers that it names. `send` is one of `with_origin`."""
    headers = [(b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"), (b"access-control-max-age", _SECONDS)]
    names = b", ".join(header_values(scope["headers"], b"access-control-request-headers"))
    if len(names) <= _NAMES_MAX and _HEADER_NAMES.fullmatch(names):
        headers.append((b"access-control-allow-headers", names))
    if header_values(scope["headers"], b"access-control-request-private-network") == [b"true"]:
        headers.append((b"access-control-allow-private-network", b"true"))
    await send_response(send, 204, headers, b"")


def with_origin(scope: Scope, send: Send) -> Send:
    """A `send` whose answers, errors included, can be read by the listed page that sent the request."""
    allowed = [*_allowed(scope), (b"access-control-expose-headers", _EXPOSED)]

    async def send_allowed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *allowed]}
        await send(message)

    return send_allowed


def _allowed(scope: Scope) -> Headers:
    return [(b"access-control-allow-origin", header_values(scope["headers"], b"origin")[0]), (b"vary", b"Origin")]
