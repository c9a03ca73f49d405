"""A permission question on a terminal: the complete call, where it runs, its expiry, and the effect of each answer.

Every line of untrusted text begins with a mark, also when it is wrapped, so that no text can look like a prompt.
"""

import contextlib
import datetime
import os
import sys
from collections.abc import Callable, Iterator

from opta_core.clock import seconds_until
from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol.permissions import Offer
from opta_protocol.tools.card import NO_END, Card, Leaf, card_of
from opta_protocol.tools.declared import tool_of

from .ask import Closed, ask
from .client import Client
from .plain_text import plain_line, visible, width_of
from .question_watch import QuestionWatch
from .terminal_look import Tone, toned

# A longer subject is shown only below the first line.
SUBJECT_CHARS_MAX = 1000
CLIENT = "the terminal"
# Offer -> its letter and its decision. An offer that covers only this call needs no confirmation.
OFFERS = {
    "always": ("a", "always"),
    "prefix": ("p", "always"),
    "session": ("s", "session"),
    "network": ("w", "allow"),
    "session-network": ("e", "session"),
}
ONCE = ("network",)
LATE = "Nobody answered in time, so it was not run."
DENY: dict[str, str] = {"decision": "deny"}
# First character of a line of a diff -> its colour.
_TONES: dict[str, Tone] = {"+": "green", "-": "red", "@": "cyan"}


def answer(client: Client, asked: e.PermissionRequest, workspace: str) -> None:
    """Show a question and send its answer to the daemon. When another client answers first, show that answer."""
    watch = QuestionWatch(client.another(), asked, lambda event: _answer_to(asked, event), LATE)
    try:
        card = card_for(asked, workspace)
        print("\n".join(shown(card, asked)), file=sys.stderr, flush=True)
        decision = _decide(card, asked, watch.over)
        client.post(f"/v3/sessions/{asked.sid}/permissions/{asked.requestId}", {**decision, "client": CLIENT})
    except (Closed, OptaError) as error:
        print(f"  {plain_line(str(error))}", file=sys.stderr, flush=True)
    finally:
        watch.close()


def _decide(card: Card, asked: e.PermissionRequest, is_over: Callable[[], str]) -> dict[str, str]:
    answers: dict[str, dict[str, str]] = {"n": DENY, "no": DENY}
    question = "  it can only be denied: [n]o: "
    lasting: dict[str, Offer] = {}
    if not problem_of(card, asked):
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
    """Show the exact rules of a broader answer, and ask for confirmation."""
    is_written = OFFERS[offer.id][1] == "always"
    print("\n".join(_scope(offer, is_written=is_written)), file=sys.stderr, flush=True)
    question = "  write this rule? [y]es, [n]o: " if is_written else "  allow this in the session? [y]es, [n]o: "
    return ask(question, {"y": True, "yes": True, "n": False, "no": False}, False, is_over)


def _scope(offer: Offer, *, is_written: bool) -> Iterator[str]:
    yield "  From now on, the following is allowed without a question, " + (
        "until it is revoked (opta policy list):" if is_written else "in this session:"
    )
    for words in offer.words:
        yield from _block(words)
    yield "  in the folder"
    yield from _block(offer.folder)
    if offer.preview:
        yield from _block(offer.preview)


def card_for(asked: e.PermissionRequest, workspace: str) -> Card:
    """The card of a request, as its tool declares it."""
    return card_of(tool_of(asked.name, asked.server, asked.schema), asked, workspace)


def shown(card: Card, asked: e.PermissionRequest) -> Iterator[str]:
    """All lines that a person must see before answering."""
    subject = asked.args.get(tool_of(asked.name, asked.server).subject, "")
    is_short = isinstance(subject, str) and len(subject) <= SUBJECT_CHARS_MAX
    yield f"◆ {plain_line(card.question)} {plain_line(subject) if is_short else ''}".rstrip()
    for leaf in card.arguments:
        yield f"  {plain_line(leaf.name)}{f' ({leaf.kind})' if leaf.kind else ''}"
        yield from _block(leaf.text)
    if asked.diff:
        yield "  the change"
        yield from _diff(asked.diff)
    for leaf in (*card.facts, *card.outcome, Leaf("why", asked.reason), *_until(asked)):
        yield from _block(leaf.text, f"  {leaf.name}: ")
    problem = problem_of(card, asked)
    if problem:
        yield f"  {problem} It cannot be allowed."
    for offer in asked.offers:
        letter, _ = OFFERS.get(offer.id, ("", ""))
        if letter and not problem:
            yield f"    [{letter}] {plain_line(offer.label)}{'' if offer.id in ONCE else ' (needs confirmation)'}"


def problem_of(card: Card, asked: e.PermissionRequest) -> str:
    """Why a request cannot be allowed now; '' when it can."""
    if card.problem:
        return card.problem
    try:
        return "The question has expired." if seconds_until(asked.expiresAt) <= 0 else ""
    except ValueError:
        return NO_END


def _until(asked: e.PermissionRequest) -> Iterator[Leaf]:
    with contextlib.suppress(ValueError):
        until = datetime.datetime.fromisoformat(asked.expiresAt).astimezone()
        left_s = max(0, round(seconds_until(asked.expiresAt)))
        yield Leaf("until", f"{until:%H:%M:%S} ({left_s // 60}:{left_s % 60:02} left)")


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return 80


def _block(text: str, head: str = "  │ ") -> Iterator[str]:
    """Wrap untrusted text here: a terminal would continue a long line in the column where prompts begin."""
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


def _diff(text: str) -> Iterator[str]:
    """The rows of a diff: what is added is green, what is removed is red."""
    is_head = True
    for line in text.split("\n"):
        is_head = is_head and not line.startswith("@@")
        tone = "bold" if is_head else _TONES.get(line[:1])
        yield from (toned(row, tone, sys.stderr) if tone else row for row in _block(line))


def _answer_to(asked: e.PermissionRequest, event: object) -> str:
    """The words for the decision on a question; '' for any other event."""
    if not isinstance(event, e.PermissionDecision) or event.requestId != asked.requestId:
        return ""
    return _said(event)


def _said(decision: e.PermissionDecision) -> str:
    if decision.by == "timeout":
        return LATE
    return f"Answered in {decision.client or 'another place'}: {'allowed' if decision.decision == 'allow' else 'denied'}."
