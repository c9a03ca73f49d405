"""Keys of LMX: who may ask for answers (infer), and who may load, pull and unload models (admin).

Only hashes of keys are kept. The admin key of this home is a file that only its user can read: the daemon and `opta` use it.
"""

import hashlib
import hmac
import secrets
import time
from pathlib import Path
from typing import Literal

import msgspec

from opta_core.errors import Refused
from opta_core.net.lmx_endpoint import prove
from opta_core.paths import write_whole
from opta_core.records import RecordFile
from opta_protocol.errors import ErrorCode

Scope = Literal["infer", "admin"]
PREFIX = "lmx-"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key: what it is called, the SHA-256 of it, and what it opens."""

    name: str
    hash: str
    scopes: list[Scope]
    created: float


class Keys:
    """The keys of one home. What another process adds or removes counts from the next request on."""

    def __init__(self, folder: Path):
        self._admin = folder / "admin.key"
        self._keys = RecordFile(folder / "keys.json", _KEYS, list[Key], _damaged)
        self._own = ("", 0)

    def admin_key(self) -> str:
        """This home's own admin key, made when there is none."""
        try:
            return self._admin.read_text().strip()
        except FileNotFoundError:
            write_whole(self._admin, (PREFIX + secrets.token_urlsafe(32)).encode())
            return self._admin.read_text().strip()

    def find(self, given: str) -> tuple[str, list[Scope]]:
        """(name, scopes) of a key; ('', []) of one that is not known."""
        if hmac.compare_digest(given.encode(), self._own_key().encode()):
            return "this home", ["infer", "admin"]
        digest = hashlib.sha256(given.encode()).hexdigest()
        for key in self._keys.read():
            if hmac.compare_digest(key.hash, digest):
                return key.name, key.scopes
        return "", []

    def prove(self, nonce: str, port: int) -> str:
        """That this LMX, listening at `port`, knows this home's key."""
        return prove(self._own_key(), nonce, port)

    def _own_key(self) -> str:
        """This home's admin key as it is now; read again when its file changes."""
        at = self._admin.stat().st_mtime_ns if self._admin.exists() else 0
        if at != self._own[1]:
            self._own = (self.admin_key(), at)
        # No key equals nothing: without a file nobody has it.
        return self._own[0] or secrets.token_hex(32)

    def known(self) -> list[Key]:
        """All keys but this home's own."""
        return list(self._keys.read())

    def add(self, name: str, scopes: list[Scope]) -> str:
        """Make a key; it is told only now. Raises Refused: the name is taken or none."""
        if not name.strip() or len(name) > 64 or not name.isprintable():
            raise Refused("A key needs a name of 1 to 64 characters.")
        keys = self._keys.read()
        if any(key.name == name for key in keys):
            raise Refused(f"There is a key {name!r} already. Remove it first: opta lmx keys remove {name}", code=ErrorCode.conflict)
        made = PREFIX + secrets.token_urlsafe(32)
        self._keys.write(
            [*keys, Key(name=name, hash=hashlib.sha256(made.encode()).hexdigest(), scopes=scopes, created=round(time.time(), 3))]
        )
        return made

    def remove(self, name: str) -> None:
        """Forget a key. Raises Refused: there is none."""
        keys = self._keys.read()
        if not any(key.name == name for key in keys):
            raise Refused(f"There is no key {name[:80]!r}.", code=ErrorCode.not_found)
        self._keys.write([key for key in keys if key.name != name])


def _damaged(file: Path, error: Exception) -> Refused:
    return Refused(f"{file} cannot be read ({error}). Remove it and make the keys again: opta lmx keys add NAME")


_KEYS = msgspec.json.Decoder(list[Key])
