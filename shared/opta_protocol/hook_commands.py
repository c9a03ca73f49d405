"""tools.rpc: the agent has a hook of the user run."""

import msgspec

from .command_base import Command
from .event_parts import Change


class RunHook(Command, frozen=True, kw_only=True, omit_defaults=True, tag="RunHook"):
    """Runs a hook of the user once. `worker`: the boot of the worker that it is for; another one answers that it is lost.

    `argv`: the program and its arguments; `input`: its standard input. `paths`: files of the workspace whose changes are reported.
    """

    hookId: str
    worker: str
    sid: str
    cwd: str
    folder: str
    argv: list[str]
    input: str
    timeoutS: float
    paths: list[str] = msgspec.field(default_factory=list[str])


class HookEnded(Command, frozen=True, kw_only=True, omit_defaults=True, tag="HookEnded"):
    """The reply to `RunHook`. `exit`: its exit code; None when it gave none, and then `code` and `problem` say why.

    `checked`: lines about the problems of the files that it changed, when an edit had reported some.
    """

    hookId: str
    exit: int | None = None
    output: str = ""
    errors: str = ""
    code: str = ""
    problem: str = ""
    sandbox: str = ""
    durationMs: float = 0
    changes: list[Change] = msgspec.field(default_factory=list[Change])
    checked: list[str] = msgspec.field(default_factory=list[str])
