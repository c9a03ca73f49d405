"""Events of the user's hooks: programs of the user's configuration that judge a call before it runs, follow one, or look at a turn's end."""

from typing import Literal

import msgspec

from .event_base import Event
from .event_parts import Change

HookOn = Literal["before-tool", "after-tool", "turn-end"]
# ok: it has nothing to say. refused: the call does not run. said: the model reads `text`. continued: the turn gets one more step, which
# begins with `text`. failed: it gave no answer that counts (`code`). interrupted: it may have run in part, and is not run again.
HookOutcome = Literal["ok", "refused", "said", "continued", "failed", "interrupted"]


class HookStart(Event, frozen=True, kw_only=True, omit_defaults=True, tag="hook.start"):
    """A hook of the user begins: about call `callId`, or at the turn's end, after `step`.

    `worker`: the start of the tool worker that runs it. `attempt` > 1: an earlier run was interrupted, and may have taken effect.
    """

    hookId: str
    hook: str
    on: HookOn
    worker: str
    callId: str = ""
    step: int = 0
    attempt: int = 1


class HookResult(Event, frozen=True, kw_only=True, omit_defaults=True, tag="hook.result"):
    """A hook has ended, and what follows from it.

    `text`: what the model reads. `reason`: for people, why a call was refused, or why the hook failed; a call before which a hook failed
    does not run, unless the hook is configured so (`isOpen`). `code`: exit_N, timeout, bad_output, no_program, sandbox, limit or
    worker_lost. `changes`: of the files that the call had changed.
    """

    hookId: str
    outcome: HookOutcome
    callId: str = ""
    reason: str = ""
    text: str = ""
    code: str = ""
    isOpen: bool = False
    sandbox: str = ""
    durationMs: float = 0
    changes: list[Change] = msgspec.field(default_factory=list[Change])
