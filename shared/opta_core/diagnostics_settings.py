"""Settings of the checks after an edit: linters, type checkers and compilers that report new problems of an edited file."""

import shlex

import msgspec

from .errors import Refused

COMMANDS_MAX = 16


class DiagnosticsSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """`diagnostics` of config.toml. A project's `.opta/config.toml` may set `commands`, which count in a folder that the user trusts."""

    # Whether edited files are checked at all.
    enabled: bool = True
    # Commands such as "*.py: mypy --no-error-summary {path}": for which files, and the words that are run. What they print as
    # `path:line:column: message` are the problems. They take the place of the programs that are found in the project.
    commands: list[str] = msgspec.field(default_factory=list[str])


class ProjectDiagnostics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`diagnostics` of a project's `.opta/config.toml`."""

    commands: list[str] = msgspec.field(default_factory=list[str])


class CheckCommand(msgspec.Struct, frozen=True):
    """A configured command: the glob of its files, and its words; `{path}` stands for the edited file."""

    glob: str
    words: tuple[str, ...]


def check_diagnostics(settings: DiagnosticsSettings) -> None:
    """Raise Refused when a command cannot be used."""
    read_commands(settings.commands)


def read_commands(commands: list[str], origin: str = "diagnostics.commands") -> list[CheckCommand]:
    """Read commands. Raises Refused, which names the entry."""
    if len(commands) > COMMANDS_MAX:
        raise Refused(f"{origin} holds {len(commands)} commands; at most {COMMANDS_MAX} are allowed.")
    return [_read(entry, origin) for entry in commands]


def _read(entry: str, origin: str) -> CheckCommand:
    glob, colon, command = entry.partition(":")
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise Refused(f"{origin} holds {entry[:200]!r}, in which a quote is not closed ({error}).") from None
    if not colon or not glob.strip() or not words or "\0" in entry:
        raise Refused(f'{origin} holds {entry[:200]!r}; write the files, a colon and the command, as "*.py: mypy {{path}}".')
    return CheckCommand(glob.strip(), words)
