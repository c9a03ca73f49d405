"""A permission question on a terminal: the whole call, where it runs, until when, and what an answer means.

Every line of foreign text has a mark before it, also where it is wrapped, so that no text can look like a prompt.
"""

import contextlib
import datetime
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from opta_core.clock import seconds_until
from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.permissions import Offer

from .ask import Closed, ask
from .client import Client
from .plain_text import plain_line, visible, width_of

FIRST = ("command", "path", "url")
# A longer one is shown below alone.
SUBJECT_CHARS_MAX = 1000
WRITES = ("write_file", "edit_file", "multi_edit")
CLIENT = "the terminal"
# Offer -> the letter that takes it, and the decision it is. What is allowed for this call alone needs no second question.
OFFERS = {
    "always": ("a", "always"),
    "prefix": ("p", "always"),
    "session": ("s", "session"),
    "network": ("w", "allow"),
    "session-network": ("e", "session"),
}
ONCE = ("network",)
DENY: dict[str, str] = {"decision": "deny"}
_NETWORK = {"off": "no", "list": "only the hosts that are allowed", "on": "yes"}
_SANDBOX = {"landlock": "landlock (control files are not protected)", "none": "none: nothing holds it back"}


def answer(client: Client, asked: e.PermissionRequest, workspace: str) -> None:
    """Show a question, and take its answer to the daemon; says what became of it when somebody else was first."""
    watch = _Watch(client.again(), asked)
    try:
        print("\n".join(shown(asked, workspace)), file=sys.stderr, flush=True)
        decision = _decide(asked, watch.over)
        client.post(f"/v3/sessions/{asked.sid}/permissions/{asked.requestId}", {**decision, "client": CLIENT})
    except (Closed, OptaError) as error:
        print(f"  {plain_line(str(error))}", file=sys.stderr, flush=True)
    finally:
        watch.close()


def _decide(asked: e.PermissionRequest, is_over: Callable[[], str]) -> dict[str, str]:
    answers: dict[str, dict[str, str]] = {"n": DENY, "no": DENY}
    question = "  it can only be denied: [n]o: "
    lasting: dict[str, Offer] = {}
    if not unshown(asked):
        answers = {"y": {"decision": "allow"}, "yes": {"decision": "allow"}, **answers}
        for offer in asked.offers:
            letter, decision = OFFERS.get(offer.id, ("", ""))
            if letter and (offer.id in ONCE or offer.words):
                answers[letter] = {"decision": decision, "offer": offer.id}
                if offer.id not in ONCE:
                    lasting[letter] = offer
        question = "  allow once? [y]es, [n]o, or a letter above: "
    while True:
        chosen = ask(question, answers, DENY, is_over)
        offer = next((offer for offer in lasting.values() if offer.id == chosen.get("offer")), None)
        if offer is None or _is_confirmed(offer, is_over):
            return chosen


def _is_confirmed(offer: Offer, is_over: Callable[[], str]) -> bool:
    """What a wider answer means from then on, in the words that are kept."""
    is_written = OFFERS[offer.id][1] == "always"
    print("\n".join(_scope(offer, is_written=is_written)), file=sys.stderr, flush=True)
    question = "  write this rule? [y]es, [n]o: " if is_written else "  allow this in the session? [y]es, [n]o: "
    return ask(question, {"y": True, "yes": True, "n": False, "no": False}, False, is_over)


def _scope(offer: Offer, *, is_written: bool) -> Iterator[str]:
    yield "  From now on allowed without a question, " + ("until it is revoked (opta policy list):" if is_written else "in this session:")
    for words in offer.words:
        yield from _block(words)
    yield "  in the folder"
    yield from _block(offer.folder)
    if offer.preview:
        yield from _block(offer.preview)


def shown(asked: e.PermissionRequest, workspace: str) -> Iterator[str]:
    """Every line that a person has to see before an answer."""
    subject = next((value for name in FIRST if isinstance(value := asked.args.get(name), str)), "")
    yield f"◆ {plain_line(asked.name)} {plain_line(subject) if len(subject) <= SUBJECT_CHARS_MAX else ''}".rstrip()
    for name, value in sorted(asked.args.items(), key=lambda pair: FIRST.index(pair[0]) if pair[0] in FIRST else len(FIRST)):
        for where, text, kind in leaves(_key(name), value):
            yield f"  {plain_line(where)}{f' ({kind})' if kind else ''}"
            yield from _block(text)
    if asked.diff:
        yield "  the change"
        yield from _block(asked.diff)
    for name, text in facts(asked, workspace):
        yield from _block(text, f"  {name}: ")
    if problem := unshown(asked):
        yield f"  {problem} It cannot be allowed."
    for offer in asked.offers:
        letter, _ = OFFERS.get(offer.id, ("", ""))
        if letter and not unshown(asked):
            yield f"    [{letter}] {plain_line(offer.label)}{'' if offer.id in ONCE else ' (asks once more)'}"


def facts(asked: e.PermissionRequest, workspace: str) -> Iterator[tuple[str, str]]:
    """Where it runs, what it leaves behind, why it is asked, and until when."""
    if asked.server:
        yield from (("server", asked.server), ("tool", asked.name), ("description sha256", asked.schema))
    if (execution := asked.execution) is not None:
        hours = execution.timeoutS >= 3600
        yield "runs in", execution.folder
        yield "time limit", f"{execution.timeoutS / 3600:g} h" if hours else f"{execution.timeoutS:g} s"
        yield "in the background", "yes" if execution.background else "no"
        yield "network", _NETWORK.get(execution.network, execution.network)
        yield "sandbox", _SANDBOX.get(execution.sandbox, execution.sandbox)
        if execution.programs:
            yield "starts", " ".join(execution.programs)
    else:
        yield "workspace", workspace
    if (writing := asked.writing) is not None:
        yield "before", f"{writing.bytesBefore} bytes, sha256 {writing.sha256Before}" if writing.sha256Before else "no file"
        yield "after", f"{writing.bytes} bytes, sha256 {writing.sha256}"
        if writing.note:
            yield "note", writing.note
    yield "why", asked.reason
    with contextlib.suppress(ValueError):
        until = datetime.datetime.fromisoformat(asked.expiresAt).astimezone()
        left_s = max(0, round(seconds_until(asked.expiresAt)))
        yield "until", f"{until:%H:%M:%S} ({left_s // 60}:{left_s % 60:02} left)"


def leaves(name: str, value: Any) -> Iterator[tuple[str, str, str]]:
    """(name, text, what the text does not say by itself) of every value that holds no others."""
    if isinstance(value, str):
        yield name, value, _kind_of(value)
    elif isinstance(value, list) and value:
        for number, part in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            yield from leaves(f"{name}[{number}]", part)
    elif isinstance(value, dict) and value:
        for part, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from leaves(f"{name}.{_key(str(part))}", inner)  # pyright: ignore[reportUnknownArgumentType]
    else:
        yield name, msgspec.json.encode(value).decode(), ""


def unshown(asked: e.PermissionRequest) -> str:
    """Why a question cannot be allowed, '' when it can."""
    try:
        left_s = seconds_until(asked.expiresAt)
    except ValueError:
        return "The question does not say until when it can be answered."
    if left_s <= 0:
        return "The question has expired."
    if asked.name == "run_command" and (asked.execution is None or not asked.execution.folder):
        return "It is not known where and how the command would run."
    if asked.name in WRITES and asked.writing is None:
        return "The change cannot be shown."
    if asked.name.startswith("mcp__") and not (asked.server and asked.schema):
        return "It is not known which server offers this tool."
    return ""


def _key(name: str) -> str:
    return name if name.replace("_", "").isalnum() and name.isascii() else json.dumps(name, ensure_ascii=False)


def _kind_of(text: str) -> str:
    if not text:
        return "empty text"
    try:
        return "" if isinstance(msgspec.json.decode(text), str) else "text"
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ""


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return 80


def _block(text: str, head: str = "  │ ") -> Iterator[str]:
    """Foreign text, wrapped by us: a terminal would begin the rest of a line where prompts begin."""
    width = max(20, _columns() - 1)
    for line in text.split("\n"):
        row, used = head, width_of(head)
        for piece in visible(line):
            if used + width_of(piece) > width:
                yield row
                row, used = "  ┊ ", 4
            row += piece
            used += width_of(piece)
        yield row
        head = "  │ "


class _Watch:
    """Follows the session beside a question, to know when somebody else has answered it."""

    def __init__(self, client: Client, asked: e.PermissionRequest):
        self._asked, self._reason, self._is_closed = asked, "", False
        threading.Thread(target=self._follow, args=(client,), name="watch", daemon=True).start()

    def over(self) -> str:
        """Why the question is void, '' while it is not."""
        if self._reason:
            return self._reason
        with contextlib.suppress(ValueError):
            if seconds_until(self._asked.expiresAt) <= 0:
                return "Nobody answered in time, so it was not run."
        return ""

    def close(self) -> None:
        """The question has its answer."""
        self._is_closed = True

    def _follow(self, client: Client) -> None:
        with contextlib.suppress(OptaError):
            for line in client.events(self._asked.sid, self._asked.seq, is_over=lambda: self._is_closed):
                event = wire.decode(line)
                if isinstance(event, e.PermissionDecision) and event.requestId == self._asked.requestId:
                    self._reason = _said(event)
                elif isinstance(event, e.ENDINGS) and event.turn == self._asked.turn:
                    self._reason = "The turn has ended, so the question is void."
                if self._reason or self._is_closed:
                    return


def _said(decision: e.PermissionDecision) -> str:
    if decision.by == "timeout":
        return "Nobody answered in time, so it was not run."
    return f"Answered in {decision.client or 'another place'}: {'allowed' if decision.decision == 'allow' else 'denied'}."
