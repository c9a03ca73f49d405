"""Who may speak to the daemon: the bearer token, one-time tickets for WebSockets, and a brake on guessing.

A new token at every start; the old one is dead at once.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import time

from opta_core.paths import Paths, write_whole

TICKET_S = 30
FAILURES_A_MINUTE = 20
# A client that carries the token as a subprotocol offers this one too: browsers want one of theirs said back.
PROTOCOL = "opta.v3"
_BEARER = "opta.bearer."


class Auth:
    """Holds the token of this start."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self._tickets: dict[str, float] = {}
        self._failures: list[float] = []

    def write(self, paths: Paths) -> None:
        """Put the token where clients read it, 0600."""
        write_whole(paths.token, self.token.encode())

    def accepts(self, token: str) -> bool:
        """Whether this is the token, compared in constant time."""
        return hmac.compare_digest(token.encode(errors="surrogateescape"), self.token.encode())

    def accepts_header(self, header: str) -> bool:
        """Whether an Authorization header carries it."""
        scheme, _, token = header.partition(" ")
        return scheme.lower() == "bearer" and self.accepts(token)

    def accepts_subprotocol(self, protocol: str) -> bool:
        """Whether `opta.bearer.<unpadded base64url token>` carries it."""
        if not protocol.startswith(_BEARER):
            return False
        encoded = protocol[len(_BEARER) :]
        try:
            return self.accepts(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
        except (binascii.Error, ValueError):
            return False

    def new_ticket(self) -> str:
        """Opens one WebSocket within 30 s."""
        now = time.monotonic()
        self._tickets = {ticket: until for ticket, until in self._tickets.items() if until > now}
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = now + TICKET_S
        return ticket

    def take_ticket(self, ticket: str) -> bool:
        """Use a ticket up; False when it is unknown, used or old."""
        return self._tickets.pop(ticket, 0.0) > time.monotonic()

    def note_failure(self) -> bool:
        """Count a wrong credential; True when there were too many in the last minute."""
        now = time.monotonic()
        self._failures = [at for at in self._failures[-FAILURES_A_MINUTE:] if now - at < 60]
        self._failures.append(now)
        return len(self._failures) > FAILURES_A_MINUTE

    def prove(self, nonce: str) -> str:
        """hmac_sha256(token, nonce): shows a client that this server knows the token."""
        return hmac.new(self.token.encode(), nonce.encode(), hashlib.sha256).hexdigest()
