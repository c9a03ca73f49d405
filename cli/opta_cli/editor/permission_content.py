"""A permission question in an editor: the complete call, where it runs, what each answer would allow, and what an answer means.

The same card as in the terminal (`opta_protocol.tools.card`). **Invariant:** nothing that a person must see is only in a button.
"""

from typing import Any, NamedTuple

from acp.helpers import text_block, tool_content
from acp.schema import PermissionOption

from opta_protocol import events as e
from opta_protocol.permissions import Offer
from opta_protocol.tools.card import Leaf
from opta_protocol.tools.declared import tool_of

from ..local_time import local
from ..question import OFFERS, ONCE, card_for, problem_of
from .shown_text import exact, one_line
from .tool_calls import KINDS, Kind, ShownCalls

DENY, ALLOW = "deny", "allow"
# Arguments of a call that its diff shows completely.
_IN_DIFF = ("path", "content", "old", "new", "all", "edits")


class AskedCall(NamedTuple):
    """A question as an editor puts it. `answers`: option -> the answer for the daemon; `lasting`: options that allow more than this call."""

    title: str
    kind: Kind
    content: list[Any]
    options: list[PermissionOption]
    answers: dict[str, dict[str, str]]
    lasting: dict[str, Offer]


def question_of(asked: e.PermissionRequest, calls: ShownCalls, cwd: str, asker: str = "") -> AskedCall:
    """The question of a request. `asker`: which sub-agent asks; '' for the session itself."""
    card, tool = card_for(asked, cwd), tool_of(asked.name, asked.server, asked.schema)
    problem = problem_of(card, asked)
    diffs = calls.diffs(str(asked.args.get("path", "")), asked.diff) if asked.diff else []
    # A diff that is shown whole has every character of the arguments of a write.
    arguments = [leaf for leaf in card.arguments if not (asked.diff and leaf.name.split("[")[0].split(".")[0] in _IN_DIFF)]
    facts = [*card.facts, *card.outcome, Leaf("why", asked.reason), Leaf("until", local(asked.expiresAt))]
    rows = [*(_row(leaf) for leaf in (*arguments, *facts)), *([f"{problem} It cannot be allowed."] if problem else [])]
    options, answers, lasting = _options([] if problem else asked.offers, may_allow=not problem)
    content = [
        *diffs,
        tool_content(text_block(f"{one_line(card.question)}{f' ({one_line(asker)})' if asker else ''}\n\n{exact(chr(10).join(rows))}")),
    ]
    content += [tool_content(text_block(scope_of(offer, is_written=OFFERS[offer.id][1] == "always"))) for offer in lasting.values()]
    summary = one_line(tool.summary(asked.args))
    return AskedCall(f"{one_line(card.question)} {summary}".strip(), KINDS.get(tool.kind, "other"), content, options, answers, lasting)


def confirmation_of(offer: Offer) -> tuple[list[Any], list[PermissionOption]]:
    """(content, options) of the second question, about an answer that allows more than one call. Only `allow` confirms it."""
    is_written = OFFERS[offer.id][1] == "always"
    name = "Write this rule" if is_written else "Allow this in the session"
    options = [
        PermissionOption(option_id=ALLOW, name=name, kind="allow_always"),
        PermissionOption(option_id=DENY, name="No, ask me again", kind="reject_once"),
    ]
    return [tool_content(text_block(scope_of(offer, is_written=is_written)))], options


def scope_of(offer: Offer, *, is_written: bool) -> str:
    """What an answer allows from then on: its exact rules, and where they apply."""
    until = "until it is revoked (`opta policy list`)" if is_written else "in this session"
    rules = "\n".join([*offer.words, f"in the folder {offer.folder}", *([offer.preview] if offer.preview else [])])
    return f"“{one_line(offer.label)}” allows the following without a question, {until}:\n\n{exact(rules)}"


def _options(offers: list[Offer], *, may_allow: bool) -> tuple[list[PermissionOption], dict[str, dict[str, str]], dict[str, Offer]]:
    options: list[PermissionOption] = []
    answers: dict[str, dict[str, str]] = {DENY: {"decision": "deny"}}
    lasting: dict[str, Offer] = {}
    if may_allow:
        # First, because editors that answer by themselves take the first answer for one call.
        options.append(PermissionOption(option_id=ALLOW, name="Allow once", kind="allow_once"))
        answers[ALLOW] = {"decision": "allow"}
    for offer in offers:
        _, decision = OFFERS.get(offer.id, ("", ""))
        if not decision or not (offer.id in ONCE or offer.words):
            continue
        answers[offer.id] = {"decision": decision, "offer": offer.id}
        is_once = offer.id in ONCE
        options.append(PermissionOption(option_id=offer.id, name=one_line(offer.label), kind="allow_once" if is_once else "allow_always"))
        if not is_once:
            lasting[offer.id] = offer
    return [*options, PermissionOption(option_id=DENY, name="Deny", kind="reject_once")], answers, lasting


def _row(leaf: Leaf) -> str:
    name = f"{leaf.name}{f' ({leaf.kind})' if leaf.kind else ''}"
    return f"{name}:\n{leaf.text}" if "\n" in leaf.text else f"{name}: {leaf.text}"
