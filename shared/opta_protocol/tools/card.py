"""The permission card: exactly what a person sees of a call before answering. The page and the terminal show it unchanged.

`desktop/web/src/panels/permission/question.ts` builds the same card. `tests/fixtures/cards.json`, generated from here, keeps both equal.
"""

import json
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from ..event_parts import Execution, Writing
from ..events import PermissionRequest
from .tool import AnyTool

# Labels for the journal's values: network access of a command, and its sandbox.
NETWORK = {"off": "no", "list": "only the hosts that are allowed", "on": "yes"}
SANDBOX = {
    "full": "full",
    "landlock": "landlock (control files are not protected)",
    "none": "none: the command is not sandboxed",
}
# Evidence that a tool requires -> why a request without it cannot be allowed.
MISSING = {
    "execution": "It is not known where and how the command would run.",
    "writing": "The change cannot be shown.",
    "server": "It is not known which server offers this tool.",
}
NO_END = "The question does not say until when it can be answered."


class Leaf(msgspec.Struct, frozen=True):
    """One value without inner values. `kind` adds what `text` does not show: that it is empty, or a text that looks like a number."""

    name: str
    text: str
    kind: str = ""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """`arguments`: all of them, complete. `outcome`: the file before and after a write. `facts`: where and how the call runs.

    `problem`: why the call cannot be allowed; '' when it can. A client adds the diff, the reason and the remaining time.
    """

    question: str
    arguments: list[Leaf]
    outcome: list[Leaf]
    facts: list[Leaf]
    problem: str = ""


def card_of(tool: AnyTool, asked: PermissionRequest, workspace: str) -> Card:
    """The card for a request to call `tool`, in a session in folder `workspace`."""
    return Card(
        question=tool.question,
        arguments=arguments_of(asked.args, tool.subject),
        outcome=_outcome(asked.writing) if asked.writing else [],
        facts=[*_server(asked), *(_execution(asked.execution) if asked.execution else [Leaf("workspace", workspace)])],
        problem=_problem(tool, asked),
    )


def arguments_of(args: dict[str, Any], subject: str = "") -> list[Leaf]:
    """One leaf for each value of a call's arguments, those of `subject` first."""
    names = sorted(args, key=lambda name: name != subject)
    return [leaf for name in names for leaf in _walk(_key(name), args[name])]


def _walk(name: str, value: Any) -> Iterator[Leaf]:
    if isinstance(value, str):
        yield Leaf(name, value, _kind_of(value))
    elif isinstance(value, list) and value:
        for number, part in enumerate(cast("list[Any]", value)):
            yield from _walk(f"{name}[{number}]", part)
    elif isinstance(value, dict) and value:
        for part, inner in cast("dict[str, Any]", value).items():
            yield from _walk(f"{name}.{_key(part)}", inner)
    else:
        yield Leaf(name, msgspec.json.encode(value).decode())


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else json.dumps(name, ensure_ascii=False)


def _kind_of(text: str) -> str:
    if not text:
        return "empty text"
    try:
        return "" if isinstance(msgspec.json.decode(text), str) else "text"
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return ""


def _server(asked: PermissionRequest) -> list[Leaf]:
    if not asked.server:
        return []
    return [Leaf("server", asked.server), Leaf("tool", asked.name), Leaf("description sha256", asked.schema)]


def _execution(execution: Execution) -> list[Leaf]:
    found = [
        Leaf("runs in", execution.folder),
        Leaf("time limit", _duration(execution.timeoutS)),
        Leaf("in the background", "yes" if execution.background else "no"),
        Leaf("network", NETWORK.get(execution.network, execution.network)),
        Leaf("sandbox", SANDBOX.get(execution.sandbox, execution.sandbox)),
    ]
    return [*found, Leaf("starts", "\n".join(execution.programs))] if execution.programs else found


def _outcome(writing: Writing) -> list[Leaf]:
    found = [Leaf("note", writing.note)] if writing.note else []
    before = f"{writing.bytesBefore} bytes, sha256 {writing.sha256Before}" if writing.sha256Before else "no file"
    return [*found, Leaf("before", before), Leaf("after", f"{writing.bytes} bytes, sha256 {writing.sha256}")]


def _problem(tool: AnyTool, asked: PermissionRequest) -> str:
    if not asked.expiresAt:
        return NO_END
    has = {
        "": True,
        "execution": asked.execution is not None and bool(asked.execution.folder),
        "writing": asked.writing is not None,
        "server": bool(asked.server and asked.schema),
    }
    return "" if has[tool.evidence] else MISSING[tool.evidence]


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds:g} s"
