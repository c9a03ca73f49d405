"""Questions of a session in one editor: permissions, words that a model asks for, a plan, and those of sub-agents.

Each is asked at once and without holding up the session's events. Another client may answer first: then the editor's question is
withdrawn. What the editor does not answer stays open for the page and the terminal.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
from acp import RequestError
from acp.helpers import text_block, tool_content
from acp.schema import AllowedOutcome, PermissionOption

from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.child_events import ChildState
from opta_protocol.error_info import ErrorCode

from ..async_client import AsyncClient
from .permission_content import ALLOW, DENY, confirmation_of, question_of
from .session_updates import message
from .shown_text import exact, notice, one_line
from .tool_calls import Kind, ShownCalls

CLIENT = "the editor"
IN_WORDS = "words"


class EditorQuestions:
    """`stop` stops a turn whose question the person cancelled; `wait_for_words` ends the prompt: the next one is the answer."""

    def __init__(
        self,
        daemon: AsyncClient,
        connection: Any,
        session: tuple[str, str],
        calls: ShownCalls,
        *,
        stop: Callable[[str], Awaitable[None]],
        wait_for_words: Callable[[e.QuestionAsked, str], None],
    ):
        self._daemon, self._connection, self._calls = daemon, connection, calls
        self._sid, self._cwd = session
        self._stop, self._wait_for_words = stop, wait_for_words
        self._tasks: dict[str, tuple[str, asyncio.Task[None]]] = {}

    def ask(self, event: e.PermissionRequest | e.QuestionAsked, *, call_id: str = "", asker: str = "", turn: str = "") -> None:
        """Put a question to the person. `call_id`, `turn`: of this session, when a sub-agent asks."""
        shown, turn = call_id or event.callId, turn or event.turn
        if isinstance(event, e.PermissionRequest):
            self._start(event.requestId, turn, self._permission(event, shown, turn, asker))
        else:
            self._start(event.questionId, turn, self._words(event, shown, turn))

    def ask_child(self, event: ChildState) -> None:
        """Put the open question of a sub-agent to the person, once."""
        self._start(f"{event.childSid} {event.askSeq}", event.turn, self._child(event))

    def over(self, key: str) -> None:
        """A question was answered, here or elsewhere, or nobody did in time."""
        _, task = self._tasks.pop(key, ("", None))
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def turn_over(self, turn: str) -> None:
        """A turn has ended: nobody needs to answer its questions."""
        for key in [key for key, (of, _) in self._tasks.items() if of == turn]:
            self.over(key)

    def close(self) -> None:
        """Withdraw all questions."""
        for key in list(self._tasks):
            self.over(key)

    async def accepts_plan(self, turn: str) -> bool:
        """Whether the person wants the plan of a turn to be carried out."""
        options = [
            PermissionOption(option_id=ALLOW, name="Carry out the plan", kind="allow_once"),
            PermissionOption(option_id=DENY, name="Not now: say what to change", kind="reject_once"),
        ]
        text = "The plan is above. Carried out, it runs in mode Do: what the rules ask about is still asked."
        return await self.chosen(f"plan {turn}", "Carry out this plan?", "think", [tool_content(text_block(text))], options) == ALLOW

    async def offer_trust(self) -> None:
        """Show what the files of an untrusted folder ask for, and ask whether to trust it. Without trust, they allow nothing."""
        try:
            found = await self._daemon.get("/v3/trust", cwd=self._cwd)
        except OptaError:
            return
        if not found["needed"]:
            return
        why = "Its files have changed." if found["state"] == "changed" else "What it forbids applies in any case."
        text = f"{one_line(found['path'])} is not trusted. {why} Its files ask for the following:\n\n{exact(chr(10).join([*found['changes'], *found['asks']]))}"
        options = [
            PermissionOption(option_id=ALLOW, name="Trust this folder", kind="allow_always"),
            PermissionOption(option_id=DENY, name="Not now", kind="reject_once"),
        ]
        if await self.chosen("trust", "Trust this folder?", "other", [tool_content(text_block(text))], options) == ALLOW:
            await self._daemon.post("/v3/trust", {"cwd": self._cwd, "sha256": found["sha256"]})

    async def chosen(self, call_id: str, title: str, kind: Kind, content: list[Any], options: list[PermissionOption]) -> str | None:
        """The option that a person chose; None when they cancelled."""
        shown = self._calls.asked(call_id, title, kind, content)
        answer = await self._connection.request_permission(session_id=self._sid, tool_call=shown, options=options)
        return answer.outcome.option_id if isinstance(answer.outcome, AllowedOutcome) else None

    def _start(self, key: str, turn: str, question: Coroutine[Any, Any, None]) -> None:
        if key in self._tasks:
            question.close()
            return
        self._tasks[key] = turn, asyncio.create_task(self._guarded(question), name=f"question {key}")

    async def _guarded(self, question: Coroutine[Any, Any, None]) -> None:
        try:
            await question
        except (OptaError, RequestError) as error:
            if getattr(error, "code", "") == ErrorCode.conflict:
                # Another client was faster; its answer comes as an event.
                return
            what = f"{error} The question is open: answer it in the page (opta open) or in a terminal (opta chat --session {self._sid})."
            with contextlib.suppress(ConnectionError):
                await self._connection.session_update(session_id=self._sid, update=message(notice(what)))
        except ConnectionError:
            return

    async def _permission(self, asked: e.PermissionRequest, call_id: str, turn: str, asker: str) -> None:
        while True:
            question = question_of(asked, self._calls, self._cwd, asker)
            option = await self.chosen(call_id, question.title, question.kind, question.content, question.options)
            if option is None:
                await self._stop(turn)
                return
            offer = question.lasting.get(option)
            if offer is not None:
                content, options = confirmation_of(offer)
                title = f"Allow from now on: {one_line(offer.label)}?"
                confirmed = await self.chosen(call_id, title, question.kind, content, options)
                if confirmed is None:
                    await self._stop(turn)
                    return
                if confirmed != ALLOW:
                    continue
            # What is not one of the options allows nothing.
            answer = question.answers.get(option, question.answers[DENY])
            await self._daemon.post(f"/v3/sessions/{asked.sid}/permissions/{asked.requestId}", {**answer, "client": CLIENT})
            return

    async def _words(self, asked: e.QuestionAsked, call_id: str, turn: str) -> None:
        content = [
            tool_content(text_block(exact("\n".join([asked.text, *(f"{number}. {text}" for number, text in enumerate(asked.options, 1))]))))
        ]
        option: str | None = IN_WORDS
        if asked.options:
            options = [
                PermissionOption(option_id=str(number), name=one_line(text), kind="allow_once") for number, text in enumerate(asked.options)
            ]
            options.append(PermissionOption(option_id=IN_WORDS, name="Answer in other words", kind="reject_once"))
            option = await self.chosen(call_id, f"The model asks: {one_line(asked.text)}", "think", content, options)
        if option is None:
            await self._stop(turn)
        elif option.isdecimal() and int(option) < len(asked.options):
            await self._daemon.post(f"/v3/sessions/{asked.sid}/questions/{asked.questionId}", {"option": int(option), "client": CLIENT})
        else:
            text = f"The model asks:\n\n{exact(asked.text)}\n\nYour next message is the answer."
            await self._connection.session_update(session_id=self._sid, update=message(f"\n\n{text}\n"))
            self._wait_for_words(asked, turn)

    async def _child(self, event: ChildState) -> None:
        path = f"/v3/sessions/{event.childSid}/events"
        found = (await self._daemon.get(path, afterSeq=event.askSeq - 1, limit=1))["events"]
        asked = wire.decode(msgspec.json.encode(found[0])) if found else None
        asker = f"sub-agent s-{event.childSid} of s-{event.sid}"
        if isinstance(asked, e.PermissionRequest):
            await self._permission(asked, event.callId, event.turn, asker)
        elif isinstance(asked, e.QuestionAsked):
            await self._words(asked, event.callId, event.turn)
