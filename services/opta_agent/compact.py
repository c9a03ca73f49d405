"""Compaction: older turns give way to a summary when the context fills, or when a person asks.

What the summary covers is a fact of the journal (`context.compacted`); nothing of the history is removed from
there. The last turns stay word for word. The model is asked behind the messages that it has read before, so that its server
reads only the question. A turn compacts at most once, and a summary that a model will not write, or that does not make the prompt
smaller, is made from the prompts and answers themselves: so compaction neither loops nor grows.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import msgspec

from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_core.transcript import Turn
from opta_protocol.events import ContextCompacted, Event

from . import kept_facts
from .images import TOKENS_EACH
from .prompt import NO_TOOLS, SUMMARISE, SUMMARISE_TEXT, SYSTEM
from .providers.base import ModelRequest, TextPart
from .router import Route
from .session import AgentSession
from .toolset import Offered

# Share of the context limit at which a turn compacts before it begins.
FULL_SHARE = 0.8
# Share of it that a request for a summary may take, with the summary.
ASKED_SHARE = 0.97
KEPT_TURNS = 2
# Characters of a token in a text, as a safe guess.
CHARS_A_TOKEN = 4
# Context assumed for a model that does not tell its own.
LIMIT_UNKNOWN = 8192
SUMMARY_CHARS_MAX = 16_000
LINE_CHARS_MAX = 200
SUMMARY_S = 120.0
log = Log("compact")


def is_full(session: AgentSession, turn: Turn, route: Route, offered: Offered) -> bool:
    """Whether the prompt of `turn` would take most of the model's context. Never, where its limit is not known."""
    limit = route.context_limit
    return limit > 0 and _prompt_tokens(session, turn, offered.encoded(route.tools)) > FULL_SHARE * limit


async def compact(session: AgentSession, turn: Turn, route: Route, offered: Offered, emit: Callable[[Event], Any]) -> bool:
    """Summarise what came before `turn`, save the last turns; False when there is nothing to summarise."""
    limit, history = route.context_limit or LIMIT_UNKNOWN, session.history
    up_to, messages = history.older(KEPT_TURNS, limit * CHARS_A_TOKEN // 4)
    if not up_to:
        return False
    before = _prompt_tokens(session, turn, offered.encoded(route.tools))
    chars = min(SUMMARY_CHARS_MAX, limit * CHARS_A_TOKEN // 8)
    facts = kept_facts.of(history.covered(up_to), session.transcript, chars // 3)
    # An answer is kept short by what the model is asked; one that is not is cut.
    said = msgspec.json.decode(messages)[1:]
    covered = sum(len(_said(message)) for message in said)
    summary = (await _summary(session, messages, route, offered, limit, chars))[: chars - len(facts)]
    if not summary or len(summary) + len(facts) >= covered:
        summary = _digest(said, chars - len(facts))
    if len(summary) + len(facts) < covered:
        summary = "\n\n".join(part for part in (summary, facts) if part)
    after = max(0, before + int((len(summary) - covered) / history.bytes_a_token))
    emit(ContextCompacted(sid=session.sid, turn=turn.id, before=before, after=after, summary=summary, upTo=up_to))
    # What follows is built from the stored summary, as the next agent would build it.
    while session.transcript.compactedTo < up_to:
        await session.changed(0.5)
    history.take(session.transcript, turn.id)
    return True


async def _summary(session: AgentSession, messages: msgspec.Raw, route: Route, offered: Offered, limit: int, chars: int) -> str:
    """The model's words, or '' when it has none to give."""
    tools = offered.encoded(route.tools)
    size = (len(messages) + len(tools) + len(SUMMARISE)) / session.history.bytes_a_token + chars / CHARS_A_TOKEN
    if size <= ASKED_SHARE * limit:
        question = msgspec.json.encode({"role": "user", "content": SUMMARISE})
        asked = msgspec.Raw(bytes(messages)[:-1] + b"," + question + b"]")
    else:
        said = msgspec.json.decode(messages)[1:]
        conversation = _middle_cut("\n".join(f"{message['role']}: {_said(message)}" for message in said), limit * CHARS_A_TOKEN // 2)
        tools = NO_TOOLS
        asked = msgspec.Raw(msgspec.json.encode([{"role": "system", "content": SUMMARISE_TEXT}, {"role": "user", "content": conversation}]))
    request = ModelRequest(
        model=route.model, messages=asked, tools=tools, session=session.sid, options={"max_tokens": max(512, limit // 4)}
    )
    pieces: list[str] = []
    try:
        async with asyncio.timeout(SUMMARY_S), aclosing(route.provider.stream(request)) as stream:
            async for parts in stream:
                pieces += [part.delta for part in parts if isinstance(part, TextPart)]
    except (OptaError, TimeoutError) as error:
        log.warning("no summary from the model", reason=str(error))
        return ""
    return "".join(pieces).strip()


def _digest(messages: list[dict[str, Any]], chars: int) -> str:
    """One line a message of people and model, the newest that fit into `chars`."""
    lines = [
        f"{message['role']}: {' '.join(_said(message).split())[:LINE_CHARS_MAX]}"
        for message in messages
        if message["role"] in ("user", "assistant") and _said(message).strip()
    ]
    return "\n".join(kept_facts.newest(lines, chars)) or "(earlier turns left out)"


def _said(message: dict[str, Any]) -> str:
    calls = " ".join(
        f"[{call['function']['name']} {call['function']['arguments'][:LINE_CHARS_MAX]}]" for call in message.get("tool_calls", [])
    )
    return f"{message.get('content') or ''} {calls}".strip()


def _middle_cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[: chars // 2]}\n…\n{text[-chars // 2 :]}"


def _prompt_tokens(session: AgentSession, turn: Turn, tools: msgspec.Raw) -> int:
    """Tokens of a turn's first prompt, as a guess: what was said, the new message, and every tool that is offered."""
    text = sum(len(part.text) for part in turn.injected) + len(turn.text)
    images = TOKENS_EACH * len(session.history.images(turn))
    return int((len(SYSTEM) + session.history.size + text + len(tools)) / session.history.bytes_a_token) + images
