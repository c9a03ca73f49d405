"""Secrets: in the operating system's keychain, never in settings, logs, events or arguments."""

from .errors import Refused, Unavailable

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
    import keyring
    import keyring.errors

    try:
        keyring.set_password(_SERVICE, name, secret.reveal())
        kept = keyring.get_password(_SERVICE, name)
    except keyring.errors.KeyringError as error:
        raise Unavailable(
            f"No keychain can keep the key of {name} here ({type(error).__name__}). On headless Linux start a Secret Service (gnome-keyring)."
        ) from error
    if kept != secret.reveal():
        raise Refused(f"The keychain did not give the key of {name} back. Check `keyring --list-backends`.")


def fetch(name: str) -> Secret | None:
    """The secret of that name; None when there is none or no keychain."""
    import keyring
    import keyring.errors

    try:
        value = keyring.get_password(_SERVICE, name)
    except keyring.errors.KeyringError:
        return None
    return Secret(value) if value else None
