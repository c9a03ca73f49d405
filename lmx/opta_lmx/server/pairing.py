"""Pairing: with a six-digit code shown here, another machine gets a key and this server's certificate.

The code is the password of a SPAKE2 exchange (the family of RFC 9382, by the `spake2` library): a man in the middle can try one
code per attempt and learns nothing from it. Both sides prove their shared secret together with the certificate that they see, so
a false certificate fails. A code is valid for three attempts and two minutes.
"""

import hashlib
import hmac
import secrets
import time
from typing import Annotated, Any, Literal

import msgspec

from opta_core.errors import Refused
from opta_protocol.error_info import ErrorCode
from opta_protocol.lmx import LmxNewKey, LmxPairingCode, LmxPairingStep, LmxScope

from ..api.request_body import RequestBody
from .keys import Keys

CODE_S, ATTEMPTS_MAX = 120.0, 3
Hex = Annotated[str, msgspec.Meta(max_length=200, pattern="^[0-9a-f]*$")]


class BeginRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /admin/pairing: show a code. `admin`: the paired machine may also load, unload and pull models."""

    admin: bool = False


class PairRequest(RequestBody, frozen=True, kw_only=True):
    """The body of /pair: `message` in the first step, `attempt` and `proof` in the second."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    message: Hex = ""
    attempt: Hex = ""
    proof: Hex = ""


class Pairing:
    """At most one code at a time. `fingerprint`: SHA-256 of this server's certificate ('' without TLS)."""

    def __init__(self, keys: Keys, fingerprint: str):
        self._keys, self._fingerprint = keys, fingerprint
        self._code, self._until, self._left = "", 0.0, 0
        self._scopes: list[LmxScope] = []
        self._secrets: dict[str, bytes] = {}

    def begin(self, request: BeginRequest) -> LmxPairingCode:
        """Make a new code; the one before is no longer valid."""
        self._code, self._until, self._left = f"{secrets.randbelow(10**6):06}", time.monotonic() + CODE_S, ATTEMPTS_MAX
        self._scopes = ["infer", "admin"] if request.admin else ["infer"]
        self._secrets.clear()
        return LmxPairingCode(code=self._code, seconds=CODE_S, fingerprint=self._fingerprint)

    def advance(self, request: PairRequest) -> LmxPairingStep | LmxNewKey:
        """One step of the other machine. Raises Refused: no code is valid now, or the code was wrong."""
        if not self._code or time.monotonic() > self._until:
            raise Refused("No pairing code is valid now. Show a new one on that machine: opta lmx pair", code=ErrorCode.not_found)
        return self._finish(request) if request.proof else self._start(request)

    def _start(self, request: PairRequest) -> LmxPairingStep:
        from spake2 import SPAKE2_B, SPAKEError

        if not self._left:
            raise Refused("This code was tried three times. Show a new one: opta lmx pair", code=ErrorCode.denied)
        self._left -= 1
        exchange: Any = SPAKE2_B(self._code.encode(), idA=b"opta", idB=b"lmx")
        message: bytes = exchange.start()
        try:
            secret: bytes = exchange.finish(bytes.fromhex(request.message))
        except (SPAKEError, ValueError, AssertionError):
            raise Refused("Field 'message': it is not a first message of SPAKE2.") from None
        attempt = secrets.token_hex(16)
        self._secrets[attempt] = secret
        return LmxPairingStep(attempt=attempt, message=message.hex(), proof=prove(secret, "lmx", self._fingerprint))

    def _finish(self, request: PairRequest) -> LmxNewKey:
        secret = self._secrets.pop(request.attempt, b"")
        if not secret or not hmac.compare_digest(request.proof, prove(secret, "opta", self._fingerprint)):
            raise Refused(f"The code is not the one shown here; {self._left} attempts are left.", code=ErrorCode.denied)
        name = _free_name(request.name, {key.name for key in self._keys.known()})
        key = self._keys.add(name, self._scopes)
        self._code = ""
        return LmxNewKey(key=key, name=name)


def prove(secret: bytes, who: Literal["lmx", "opta"], fingerprint: str) -> str:
    """Proof to the holder of the same secret that this side has it and sees this certificate: HMAC in hex."""
    return hmac.new(secret, f"{who} {fingerprint}".encode(), hashlib.sha256).hexdigest()


def _free_name(wanted: str, taken: set[str]) -> str:
    clean = "".join(character for character in wanted if character.isprintable()).strip() or "paired"
    return next(name for name in [clean, *(f"{clean} {number}" for number in range(2, len(taken) + 3))] if name not in taken)
