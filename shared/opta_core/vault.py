"""Secrets: in the operating system's keychain, never in settings, logs, events or arguments."""

import os
import sys
from typing import TYPE_CHECKING

from .errors import Refused, Unavailable

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

_SERVICE = "opta"


class Secret:
    """A credential that does not print itself."""

    def __init__(self, value: str):
        self._value = value

    def reveal(self) -> str:
        """The value, for the one place that sends it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__


def store(name: str, secret: Secret) -> None:
    """Keep a secret and read it back. Raises Unavailable when this machine has no keychain."""
    try:
        keychain = _keychain()
        keychain.set_password(_SERVICE, name, secret.reveal())  # pyright: ignore[reportUnknownMemberType]
        kept = keychain.get_password(_SERVICE, name)
    except Exception as error:  # see `fetch`
        raise Unavailable(
            f"No keychain can keep the key of {name} here ({type(error).__name__}). On headless Linux start a Secret Service (gnome-keyring)."
        ) from error
    if kept != secret.reveal():
        raise Refused(f"The keychain did not give the key of {name} back. Check `keyring --list-backends`.")


def fetch(name: str) -> Secret | None:
    """The secret of that name; None when there is none or no keychain."""
    if not has_keychain():
        return None
    try:
        value = _keychain().get_password(_SERVICE, name)
    except Exception:  # a keychain whose service is gone fails in whatever way its library does; then there is none
        return None
    return Secret(value) if value else None


def has_keychain() -> bool:
    """Whether this machine can have one at all; told without loading anything."""
    return sys.platform != "linux" or "DBUS_SESSION_BUS_ADDRESS" in os.environ or "PYTHON_KEYRING_BACKEND" in os.environ


def _keychain() -> "KeyringBackend":
    """The platform's own keychain. Asking keyring to choose would load every backend there is, and one of them runs a compiler."""
    if "PYTHON_KEYRING_BACKEND" in os.environ:
        import keyring

        return keyring.get_keyring()
    if sys.platform == "darwin":
        from keyring.backends.macOS import Keyring
    elif sys.platform == "win32":
        from keyring.backends.Windows import WinVaultKeyring as Keyring
    elif has_keychain():
        from keyring.backends.SecretService import Keyring
    else:
        from keyring.backends.fail import Keyring
    return Keyring()
