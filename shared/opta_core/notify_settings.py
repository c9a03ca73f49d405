"""Settings of notifications: the command that is run when a turn ends or a person has to answer."""

import msgspec

from .errors import Refused


class NotifySettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """`notify` of config.toml. Only the user's own file has it; a project cannot set it."""

    # A program and its arguments, such as ["notify-send", "{title}", "{text}"]; [] for none.
    command: list[str] = msgspec.field(default_factory=list[str])
    # The end of a turn is reported when it took so many seconds.
    min_s: float = 10.0
    # Whether `opta chat` and `opta do` ring the terminal's bell when a turn ends or asks.
    bell: bool = True


def check_notify(settings: NotifySettings) -> None:
    """Raise Refused when the settings cannot be used."""
    if settings.command and (not settings.command[0].strip() or "{" in settings.command[0]):
        raise Refused("notify.command must begin with the name or the path of a program.")
    if any("\0" in part for part in settings.command):
        raise Refused("notify.command contains a null character.")
    if settings.min_s < 0:
        raise Refused(f"notify.min-s is {settings.min_s}; it must not be negative.")
