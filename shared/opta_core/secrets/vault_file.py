"""Secrets in an encrypted file: for machines without a keychain, after the user agreed, and for moving secrets between machines.

ChaCha20-Poly1305 with a random nonce (RFC 8439). scrypt derives a key from a passphrase (RFC 7914, N=2^15, r=8, p=1). The file
of a home is encrypted with a random key beside it (0600), or with OPTA_VAULT_PASSPHRASE when that is set. The key file protects
against other users; only the passphrase protects against programs that can read this user's files.
"""

import base64
import os
import secrets
from pathlib import Path

import msgspec

from ..errors import Refused
from ..paths import folder_lock, write_whole

_CONTEXT = b"opta vault 1"
_N, _R, _P = 2**15, 8, 1
PASSPHRASE_CHARS_MIN = 10


class _Box(msgspec.Struct, kw_only=True):
    """The file's content: version, salt of the passphrase ('' for a key file), nonce, and the encrypted JSON, in base64."""

    version: int = 1
    salt: str = ""
    nonce: str
    locked: str


class VaultFile:
    """`folder` holds `vault.box` and, without a passphrase, `vault.key`."""

    def __init__(self, folder: Path):
        self._box, self._key = folder / "vault.box", folder / "vault.key"
        self._opened: tuple[object, dict[str, str]] | None = None

    def get(self, name: str) -> str | None:
        """The value of a name; None when there is none. Raises Refused when the file cannot be decrypted."""
        return self._read().get(name)

    def put(self, name: str, value: str) -> None:
        """Store a value and read it back. Raises Refused."""
        with folder_lock(self._box.parent):
            self._write({**self._read(), name: value})
        if self.get(name) != value:
            raise Refused(f"{self._box} did not store the value.")

    def remove(self, name: str) -> None:
        """Remove a value."""
        with folder_lock(self._box.parent):
            self._write({known: value for known, value in self._read().items() if known != name})

    def _read(self) -> dict[str, str]:
        try:
            seen = self._box.stat()
        except FileNotFoundError:
            return {}
        stamp = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        if self._opened is None or self._opened[0] != stamp:
            passphrase = os.environ.get("OPTA_VAULT_PASSPHRASE", "")
            self._opened = stamp, unlock(self._box.read_bytes(), passphrase, self._key_bytes() if not passphrase else b"", str(self._box))
        return dict(self._opened[1])

    def _write(self, values: dict[str, str]) -> None:
        passphrase = os.environ.get("OPTA_VAULT_PASSPHRASE", "")
        key = b""
        if not passphrase:
            if not self._key.exists():
                write_whole(self._key, secrets.token_bytes(32))
            key = self._key_bytes()
        write_whole(self._box, lock(values, passphrase, key))

    def _key_bytes(self) -> bytes:
        try:
            return self._key.read_bytes()
        except FileNotFoundError:
            raise Refused(
                f"{self._key} is missing, so {self._box} cannot be opened. Set OPTA_VAULT_PASSPHRASE, or add the keys again."
            ) from None


def lock(values: dict[str, str], passphrase: str, key: bytes = b"") -> bytes:
    """Encrypt values with a passphrase or with a key of 32 bytes, and return the file's content."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    salt = b"" if key else secrets.token_bytes(16)
    nonce = secrets.token_bytes(12)
    locked = ChaCha20Poly1305(key or _stretched(passphrase, salt)).encrypt(nonce, msgspec.json.encode(values), _CONTEXT)
    return msgspec.json.encode(_Box(salt=_text(salt), nonce=_text(nonce), locked=_text(locked)))


def unlock(content: bytes, passphrase: str, key: bytes = b"", name: str = "the file") -> dict[str, str]:
    """Decrypt values. Raises Refused for a wrong passphrase, a wrong key or a damaged file."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        box = msgspec.json.decode(content, type=_Box)
        salt, nonce, locked = (base64.b64decode(part, validate=True) for part in (box.salt, box.nonce, box.locked))
        if bool(salt) == bool(key):
            raise Refused(f"{name} is locked with {'a passphrase' if salt else 'a key file'}.")
        opened = ChaCha20Poly1305(key or _stretched(passphrase, salt)).decrypt(nonce, locked, _CONTEXT)
        return msgspec.json.decode(opened, type=dict[str, str])
    except InvalidTag:
        raise Refused(f"{name} could not be opened: the passphrase or key is wrong, or the file is damaged.") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise Refused(f"{name} is not a vault of Opta, or is damaged ({error}).") from error


def _stretched(passphrase: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=_N, r=_R, p=_P).derive(passphrase.encode())


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
