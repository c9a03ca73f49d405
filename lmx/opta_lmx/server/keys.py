"""LMX's keys and their scopes: `infer` for answers, `admin` to also load, pull and unload models.

Only hashes are stored. This home's own admin key is a file that only its user can read; the daemon and `opta` use it.
"""

import hashlib
import hmac
import secrets
import time
from pathlib import Path

import msgspec

from opta_core.errors import Refused
from opta_core.net.lmx_endpoint import prove
from opta_core.paths import write_whole
from opta_core.records import RecordFile
from opta_protocol.error_info import ErrorCode
from opta_protocol.lmx import LmxScope

PREFIX = "lmx-"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key: its name, its SHA-256 in hex, its scopes, and when it was made (seconds since the epoch)."""

    name: str
    hash: str
    scopes: list[LmxScope]
    created: float


class Keys:
    """The keys of one home. Changes by another process take effect with the next request."""

    def __init__(self, folder: Path):
        self._admin = folder / "admin.key"
        self._keys = RecordFile(folder / "keys.json", _KEYS, list[Key], _damaged)
        self._read_key = ("", 0)

    def admin_key(self) -> str:
        """This home's own admin key; made when there is none."""
        try:
            return self._admin.read_text().strip()
        except FileNotFoundError:
            write_whole(self._admin, (PREFIX + secrets.token_urlsafe(32)).encode())
            return self._admin.read_text().strip()

    def find(self, given: str) -> tuple[str, list[LmxScope]]:
        """(name, scopes) of a key; ('', []) when it is unknown."""
        if hmac.compare_digest(given.encode(), self._current_admin_key().encode()):
            return "this home", ["infer", "admin"]
        digest = hashlib.sha256(given.encode()).hexdigest()
        for key in self._keys.read():
            if hmac.compare_digest(key.hash, digest):
                return key.name, key.scopes
        return "", []

    def prove(self, nonce: str, port: int) -> str:
        """Proof that this LMX, listening at `port`, knows this home's key: HMAC in hex."""
        return prove(self._current_admin_key(), nonce, port)

    def _current_admin_key(self) -> str:
        """This home's admin key; read again when its file changes."""
        at = self._admin.stat().st_mtime_ns if self._admin.exists() else 0
        if at != self._read_key[1]:
            self._read_key = (self.admin_key(), at)
        # Without a file, no key must match: compare with a random one.
        return self._read_key[0] or secrets.token_hex(32)

    def known(self) -> list[Key]:
        """All keys except this home's own."""
        return list(self._keys.read())

    def add(self, name: str, scopes: list[LmxScope]) -> str:
        """Make a key and return it; it cannot be shown again. Raises Refused: the name is taken or invalid. Waits for the disk."""
        if not name.strip() or len(name) > 64 or not name.isprintable():
            raise Refused("The name of a key must have 1 to 64 printable characters.")
        made = PREFIX + secrets.token_urlsafe(32)
        key = Key(name=name, hash=hashlib.sha256(made.encode()).hexdigest(), scopes=scopes, created=round(time.time(), 3))

        def with_key(keys: list[Key]) -> list[Key]:
            if any(known.name == name for known in keys):
                raise Refused(f"A key {name!r} exists already. Remove it first: opta lmx keys remove {name}", code=ErrorCode.conflict)
            return [*keys, key]

        self._keys.update(with_key)
        return made

    def remove(self, name: str) -> None:
        """Delete a key. Raises Refused: there is no such key. Waits for the disk."""

        def without_key(keys: list[Key]) -> list[Key]:
            if not any(key.name == name for key in keys):
                raise Refused(f"There is no key {name[:80]!r}. List the keys: opta lmx keys list", code=ErrorCode.not_found)
            return [key for key in keys if key.name != name]

        self._keys.update(without_key)


def _damaged(file: Path, error: Exception) -> Refused:
    return Refused(f"{file} cannot be read ({error}). Remove it and make the keys again: opta lmx keys add NAME")


_KEYS = msgspec.json.Decoder(list[Key])
