"""Pairing: a six-digit code that a person carries from this machine to another gives that one a key, and this one's certificate.

The code is the password of a SPAKE2 exchange (RFC 9382 describes the family; the `spake2` library does it), so whoever stands
between can try one code an attempt and learns nothing from it. Both sides prove what they share over the certificate that they
see, so a false certificate fails. Three attempts, two minutes, then a new code is needed.
"""

import hashlib
import hmac
import secrets
import time
from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused
from opta_protocol.errors import ErrorCode

from .keys import Keys, Scope

CODE_S, ATTEMPTS_MAX = 120.0, 3
Hex = Annotated[str, msgspec.Meta(max_length=200, pattern="^[0-9a-f]*$")]


class BeginRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of /admin/pairing: show a code. `admin`: who pairs may also load, pull and unload models."""

    admin: bool = False


class PairRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of /pair: first `message`, then `proof` in the same `attempt`."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    message: Hex = ""
    attempt: Hex = ""
    proof: Hex = ""


class Pairing:
    """At most one code at a time. `fingerprint`: SHA-256 of this server's certificate ('' without TLS)."""

    def __init__(self, keys: Keys, fingerprint: str):
        self._keys, self._fingerprint = keys, fingerprint
        self._code, self._until, self._left = "", 0.0, 0
        self._scopes: list[Scope] = []
        self._secrets: dict[str, bytes] = {}

    def begin(self, request: BeginRequest) -> dict[str, object]:
        """A new code; it replaces the one before."""
        self._code, self._until, self._left = f"{secrets.randbelow(10**6):06}", time.monotonic() + CODE_S, ATTEMPTS_MAX
        self._scopes = ["infer", "admin"] if request.admin else ["infer"]
        self._secrets.clear()
        return {"code": self._code, "seconds": CODE_S, "fingerprint": self._fingerprint}

    def answer(self, request: PairRequest) -> dict[str, object]:
        """One step of somebody who pairs. Raises Refused: no code is shown, or it was a wrong one."""
        if not self._code or time.monotonic() > self._until:
            raise Refused("No code is shown here now. Show one on that machine: opta lmx pair", code=ErrorCode.not_found)
        return self._finish(request) if request.proof else self._start(request)

    def _start(self, request: PairRequest) -> dict[str, object]:
        from spake2 import SPAKE2_B, SPAKEError

        if not self._left:
            raise Refused("That code was tried too often. Show a new one: opta lmx pair", code=ErrorCode.denied)
        self._left -= 1
        exchange: Any = SPAKE2_B(self._code.encode(), idA=b"opta", idB=b"lmx")
        message: bytes = exchange.start()
        try:
            secret: bytes = exchange.finish(bytes.fromhex(request.message))
        except (SPAKEError, ValueError, AssertionError):
            raise Refused("Field 'message': it is not the first message of a pairing.") from None
        attempt = secrets.token_hex(16)
        self._secrets[attempt] = secret
        return {"attempt": attempt, "message": message.hex(), "proof": prove(secret, "lmx", self._fingerprint)}

    def _finish(self, request: PairRequest) -> dict[str, object]:
        secret = self._secrets.pop(request.attempt, b"")
        if not secret or not hmac.compare_digest(request.proof, prove(secret, "opta", self._fingerprint)):
            raise Refused(f"The code is not the one shown here; {self._left} tries are left.", code=ErrorCode.denied)
        name = _free_name(request.name, {key.name for key in self._keys.known()})
        key = self._keys.add(name, self._scopes)
        self._code = ""
        return {"key": key, "name": name}


def prove(secret: bytes, who: Literal["lmx", "opta"], fingerprint: str) -> str:
    """What shows, to who shares the secret, that this side has it and sees this certificate."""
    return hmac.new(secret, f"{who} {fingerprint}".encode(), hashlib.sha256).hexdigest()


def _free_name(wanted: str, taken: set[str]) -> str:
    clean = "".join(character for character in wanted if character.isprintable()).strip() or "paired"
    return next(name for name in [clean, *(f"{clean} {number}" for number in range(2, len(taken) + 3))] if name not in taken)
