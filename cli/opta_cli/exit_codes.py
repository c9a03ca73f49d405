"""Exit codes: one table from the ending of a turn, a refusal or a signal to the code of the process. `docs/cli.md` prints it.

**Invariant:** no other file of the command line names a number as its exit code, except 0 and 1 for yes and no.
"""

from __future__ import annotations

import enum
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opta_core.errors import OptaError


class ExitCode(enum.IntEnum):
    """What scripts can rely on."""

    done = 0
    failed = 1
    misuse = 2
    no_daemon = 3
    denied = 4
    limit = 5
    cancelled = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.done: "done",
    ExitCode.failed: "the turn or the command failed, or a check found a problem",
    ExitCode.misuse: "the command was wrong: an unknown name, option or value; nothing was done",
    ExitCode.no_daemon: "no daemon is running, and none was started",
    ExitCode.denied: "the turn ended, but a call was denied by a person, by a rule, or because nobody could be asked",
    ExitCode.limit: "the turn met a limit (steps, calls, minutes, tokens, length) and can be resumed",
    ExitCode.cancelled: "cancelled or paused by Ctrl-C, from elsewhere, or because nobody reads the output any more",
}

# Codes of errors that say that the request itself was wrong (`opta_protocol.error_info.ErrorCode`).
MISUSE_CODES = frozenset({"invalid", "bad_request", "not_found", "model_not_found", "too_large"})


def of_error(error: OptaError) -> ExitCode:
    """The exit code of an error that ended a command."""
    return ExitCode.misuse if error.code in MISUSE_CODES else ExitCode.failed


def of_finish(finish: str, *, was_denied: bool) -> ExitCode:
    """The exit code of a turn that ended with `turn.done`. `finish`: its field of this name."""
    if finish != "stop":
        return ExitCode.limit
    return ExitCode.denied if was_denied else ExitCode.done


def of_signal(number: int) -> int:
    """The exit code of a command that a signal has ended, as shells write it: 130 for Ctrl-C."""
    return ExitCode.cancelled if number == signal.SIGINT else 128 + number
