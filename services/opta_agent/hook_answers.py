"""What a hook's end means: its exit code and what it printed, read as other agents read them.

| | before a tool | after a tool | at the turn's end |
|---|---|---|---|
| exit code 0, nothing printed | no objection | nothing to say | the turn ends |
| exit code 2 | the call is refused; standard error says why | the model reads standard error | one more step; the model reads standard error |
| exit code 0 and a JSON object | its `decision` and `reason` | its `additionalContext` | its `decision` and `reason` |
| anything else | the hook failed | the hook failed | the hook failed |

**Invariant:** no answer allows a call. One that says so has no objection, and the gate decides.
"""

import contextlib
from typing import Any, NamedTuple, cast

import msgspec

from opta_protocol.commands import HookEnded
from opta_protocol.hook_events import HookOn, HookOutcome

TEXT_CHARS_MAX = 8_000
PRINTED_CHARS_MAX = 300
_NO_OBJECTION = frozenset({"", "allow", "approve", "defer"})
_OBJECTION = frozenset({"deny", "block"})


class HookAnswer(NamedTuple):
    """What follows from a hook. `words`: for the model and for people; `code`: why it failed."""

    outcome: HookOutcome
    words: str = ""
    code: str = ""


class _BadOutput(Exception):
    """What a hook printed is no answer."""


def answer_of(on: HookOn, ended: HookEnded) -> HookAnswer:
    """What a hook's end means. Raises nothing."""
    if ended.exit is None:
        return HookAnswer("failed", ended.problem, ended.code or "failed")
    if ended.exit == 2:
        return _objection(on, ended.errors or _reason_in(ended.output))
    if ended.exit != 0:
        printed = _short(ended.errors or ended.output)
        return HookAnswer("failed", f"it ended with exit code {ended.exit}" + (f": {printed}" if printed else ""), f"exit_{ended.exit}")
    try:
        return _of_output(on, ended.output.strip())
    except _BadOutput as problem:
        return HookAnswer("failed", str(problem), "bad_output")


def _of_output(on: HookOn, output: str) -> HookAnswer:
    if not output:
        return HookAnswer("ok")
    if not output.startswith("{"):
        # Programs such as formatters print what they did. A judge that prints something else than its judgement is not understood.
        if on != "before-tool":
            return HookAnswer("ok")
        raise _BadOutput(f"it printed something that is no JSON object, so its judgement is unknown: {_short(output)}")
    fields = _fields(output)
    decision, words = _decision(on, fields), _text(fields, "reason")
    if decision not in _NO_OBJECTION | _OBJECTION:
        raise _BadOutput(f"its decision is {decision[:40]!r}; it can be deny (or block), or allow for no objection")
    if decision in _OBJECTION:
        return _objection(on, words)
    words = _text(fields, "additionalContext")
    return HookAnswer("said", words[:TEXT_CHARS_MAX]) if words and on == "after-tool" else HookAnswer("ok")


def _reason_in(output: str) -> str:
    """The reason in what a hook printed; all of it, when that is no answer."""
    with contextlib.suppress(_BadOutput):
        return _text(_fields(output.strip()), "reason") or output
    return output


def _objection(on: HookOn, words: str) -> HookAnswer:
    words = words.strip()[:TEXT_CHARS_MAX]
    if on == "before-tool":
        return HookAnswer("refused", words or "it gave no reason")
    if not words:
        return HookAnswer("failed", "it objects and gives no reason that the model could read", "bad_output")
    return HookAnswer("said" if on == "after-tool" else "continued", words)


def _fields(output: str) -> dict[str, Any]:
    try:
        found: Any = msgspec.json.decode(output)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _BadOutput(f"it printed JSON that cannot be read ({str(error)[:100]}): {_short(output)}") from error
    if not isinstance(found, dict):
        raise _BadOutput(f"it printed JSON that is no object: {_short(output)}")
    fields = cast("dict[str, Any]", found)
    # Where other agents have what is about the event.
    inner = fields.get("hookSpecificOutput")
    return {**fields, **cast("dict[str, Any]", inner)} if isinstance(inner, dict) else fields


def _decision(on: HookOn, fields: dict[str, Any]) -> str:
    found = [fields[name] for name in ("permissionDecision", "decision") if fields.get(name) is not None]
    if any(not isinstance(each, str) for each in found):
        raise _BadOutput("its decision is no text")
    # Of several, the stricter one counts.
    if on == "before-tool" and fields.get("continue") is False:
        return "deny"
    return next((each for each in found if each not in _NO_OBJECTION), "")


def _text(fields: dict[str, Any], name: str) -> str:
    names = ("permissionDecisionReason", "reason", "stopReason", "systemMessage") if name == "reason" else (name,)
    found = next((fields[each] for each in names if fields.get(each)), "")
    if not isinstance(found, str):
        raise _BadOutput(f"its {name} is no text")
    return found.strip()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= PRINTED_CHARS_MAX else f"{line[: PRINTED_CHARS_MAX - 1]}…"
