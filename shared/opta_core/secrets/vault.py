"""Secrets are stored in the operating system's keychain, never in settings, logs, events or arguments.

Without a keychain (headless Linux) they are refused, unless the user allowed an encrypted file (`vault-file = true`). A stored
secret is read back before it counts. An index holds names and last characters, never values.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from ..clock import utc_now
from ..errors import Refused, Unavailable
from ..paths import Paths
from ..records import RecordFile
from .vault_file import VaultFile

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_SERVICE = "opta"
VALUE_CHARS_MAX = 8192
SHOWN_CHARS = 4
# Backends that store secrets safely. Others do not: the null backend, for example, accepts everything and stores nothing.
ALLOWED = (
    "keyring.backends.macOS",
    "keyring.backends.Windows",
    "keyring.backends.SecretService",
    "keyring.backends.kwallet",
    "keyring.backends.libsecret",
)


class Secret:
    """A credential whose value does not appear when it is printed."""

    def __init__(self, value: str):
        self._value = value

    def reveal(self) -> str:
        """The value. Call this only where the value is sent."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The public facts of a secret: its name, its last characters, where it is stored and since when."""

    name: str
    shown: str
    kept: Literal["keychain", "file"]
    since: str


class Vault:
    """The secrets of one home. `backend` replaces the platform's keychain."""

    def __init__(self, paths: Paths, *, allows_file: bool = False, backend: "KeyringBackend | None" = None):
        self._allows_file, self._backend = allows_file, backend
        # The home that it belongs to.
        self.paths = paths
        self._file = VaultFile(paths.home / "vault")
        self._index = RecordFile(paths.home / "accounts.json", _ACCOUNTS, list[Account], _damaged)

    @property
    def index(self) -> Path:
        """The index file. It changes whenever a secret changes."""
        return self._index.file

    def accounts(self) -> list[Account]:
        """All stored secrets, without values."""
        return list(self._index.read())

    def store(self, name: str, secret: Secret) -> Account:
        """Store a secret, replacing an older one of that name, and read it back. Raises Unavailable, Refused."""
        value = secret.reveal()
        if not value or len(value) > VALUE_CHARS_MAX:
            raise Refused(f"A key has 1 to {VALUE_CHARS_MAX} characters; this one has {len(value)}.")
        if any(character < " " or character == "\x7f" for character in value):
            raise Refused("A key must not contain control characters. Check whether a line break was pasted with it.")
        kept: Literal["keychain", "file"] = "keychain"
        try:
            self._into_keychain(name, value)
        except Unavailable:
            if not self._allows_file:
                raise
            self._file.put(name, value)
            kept = "file"
        account = Account(name=name, shown=_shown(value), kept=kept, since=utc_now())
        self._index.write([*(known for known in self.accounts() if known.name != name), account])
        return account

    def fetch(self, name: str) -> Secret | None:
        """The secret of that name; None when there is none, or when its keychain is not available."""
        value = self._file.get(name) if self._allows_file else None
        if value is None and (self._backend is not None or has_keychain()):
            try:
                value = self._keychain().get_password(_SERVICE, name)
            except Exception:  # keychain libraries raise anything when their service is gone; that counts as no secret
                return None
        return Secret(value) if value else None

    def remove(self, name: str) -> bool:
        """Remove a secret. Returns False when there was none of that name."""
        accounts = self.accounts()
        found = [account for account in accounts if account.name == name]
        if not found:
            return False
        if found[0].kept == "file":
            self._file.remove(name)
        else:
            try:
                self._keychain().delete_password(_SERVICE, name)
            except Exception as error:  # see `fetch`
                raise Unavailable(
                    f"The keychain did not remove the key of {name} ({type(error).__name__}). Unlock the keychain and try again."
                ) from error
        self._index.write([account for account in accounts if account.name != name])
        return True

    def _into_keychain(self, name: str, value: str) -> None:
        try:
            keychain = self._keychain()
            keychain.set_password(_SERVICE, name, value)  # pyright: ignore[reportUnknownMemberType]
            back = keychain.get_password(_SERVICE, name)
        except Refused:
            raise
        except Exception as error:  # see `fetch`
            raise Unavailable(
                f"No keychain can store the key of {name} here ({type(error).__name__}). On headless Linux start a Secret Service (gnome-keyring), "
                "or allow an encrypted file: opta config set vault-file true"
            ) from error
        if back != value:
            raise Refused(
                f"The keychain did not return the key of {name} after storing it, so it is not stored. Check `keyring --list-backends`."
            )

    def _keychain(self) -> "KeyringBackend":
        """The platform's keychain. The automatic choice of keyring would load every backend, and one of them runs a compiler."""
        if self._backend is not None:
            return self._backend
        # Check the name only: importing the backend would run its code.
        if (named := os.environ.get("PYTHON_KEYRING_BACKEND")) and named.rpartition(".")[0] not in ALLOWED:
            raise Refused(f"The keyring backend {named[:80]} (PYTHON_KEYRING_BACKEND) does not store secrets safely. Unset the variable.")
        if sys.platform == "darwin":
            from keyring.backends.macOS import Keyring
        elif sys.platform == "win32":
            from keyring.backends.Windows import WinVaultKeyring as Keyring
        elif has_keychain():
            from keyring.backends.SecretService import Keyring
        else:
            from keyring.backends.fail import Keyring
        return Keyring()


def has_keychain() -> bool:
    """Whether this machine can have a keychain. Checked without loading a backend."""
    return sys.platform != "linux" or "DBUS_SESSION_BUS_ADDRESS" in os.environ or "PYTHON_KEYRING_BACKEND" in os.environ


def _shown(value: str) -> str:
    return "••••" + (value[-SHOWN_CHARS:] if len(value) >= 4 * SHOWN_CHARS else "")


def _damaged(file: Path, error: Exception) -> Refused:
    return Refused(f"{file} cannot be read ({error}). Move it away; the secrets themselves are stored elsewhere.")


_ACCOUNTS = msgspec.json.Decoder(list[Account])
