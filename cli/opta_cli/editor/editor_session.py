"""One session in one editor: its events become updates, its prompts turns, and its questions are asked in the editor.

Every event of the session is shown exactly once, also those of other clients: of the page, of a terminal, of another editor.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from acp import RequestError
from acp.helpers import update_available_commands
from acp.schema import (
    AvailableCommand,
    AvailableCommandInput,
    ConfigOptionUpdate,
    CurrentModeUpdate,
    PromptResponse,
    UnstructuredCommandInput,
)

from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.child_events import ChildState
from opta_protocol.error_info import ErrorCode

from ..actions import action
from ..async_client import AsyncClient
from ..client import new_key
from . import prompt_content, session_options
from .editor_questions import CLIENT, EditorQuestions
from .output_pace import OutputPace
from .prompt_turn import PromptTurn
from .session_updates import LiveUpdates, message
from .shown_text import notice
from .turn_ending import INTERNAL, TurnEnding, ending_of, request_error

# Commands beside the custom ones: name -> the action that it is.
COMMANDS = {"compact": "context.compact", "clear": "context.clear"}
LEAVE_S = 3.0


class EditorSession:
    """`session`: as GET /v3/sessions/:id gives it. `remarks`: what the person should know before the first prompt."""

    def __init__(
        self,
        daemon: AsyncClient,
        connection: Any,
        session: dict[str, Any],
        updates: LiveUpdates,
        remarks: list[str],
        models: Callable[[], Awaitable[dict[str, Any]]],
    ):
        self._daemon, self._connection, self._models = daemon, connection, models
        self.session, self.updates = session, updates
        self.sid, self.cwd = str(session["id"]), str(session["cwd"])
        self._remarks = remarks
        self._prompts: list[PromptTurn] = []
        # A question of the model that the next prompt answers, with the turn of this session that waits for it.
        self._asked: tuple[e.QuestionAsked, str] | None = None
        self._is_new, self._has_begun = True, False
        # Commands of Opta that no custom command has replaced.
        self._built_in = set(COMMANDS)
        self._questions = EditorQuestions(
            daemon, connection, (self.sid, self.cwd), updates.calls, stop=self._stop, wait_for_words=self._wait_for_words
        )
        self._pace = OutputPace(self._send)
        self._following: asyncio.Task[None] | None = None

    # what happens in the session --------------------------------------------------------------------

    def follow(self) -> None:
        """Show what happens from now on, and ask what is open."""
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow(), name=f"session {self.sid}")
            self._following.add_done_callback(self._followed)
        for asked in list(self.updates.view.open.values()):
            self._questions.ask(asked)

    def begins(self) -> bool:
        """The editor knows the session now. Returns True the first time."""
        is_first = not self._has_begun
        self._has_begun = True
        self.follow()
        return is_first

    async def close(self) -> None:
        """Show nothing any more."""
        self._questions.close()
        self._pace.close()
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    @property
    def is_busy(self) -> bool:
        """Whether a prompt of this editor has no answer yet."""
        return bool(self._prompts)

    async def _follow(self) -> None:
        try:
            async with contextlib.aclosing(self._daemon.events(self.sid, self.updates.view.seq)) as lines:
                async for line in lines:
                    await self._take(wire.decode(line))
        except OptaError as error:
            self._fail(request_error(error))
        except ConnectionError:
            # The editor has gone.
            return

    def _followed(self, task: "asyncio.Task[None]") -> None:
        """No prompt waits for the events of a stream that a bug has ended."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(RequestError(INTERNAL, f"This session can no longer be shown here: {error}. Load it again."))

    async def _take(self, event: Any) -> None:
        prompt = self._prompt_of(event)
        if isinstance(event, e.StepDone) and prompt is not None:
            prompt.was_filtered = event.finish == "content_filter"
        for update in self.updates.apply(event, is_ours=prompt is not None):
            await self._pace.send(update, event)
        match event:
            case e.PermissionRequest() | e.QuestionAsked():
                self._questions.ask(event)
            case e.PermissionDecision():
                self._questions.over(event.requestId)
            case e.QuestionAnswered():
                self._questions.over(event.questionId)
                if self._asked is not None and self._asked[0].questionId == event.questionId:
                    self._asked = None
            case ChildState() if event.askSeq:
                self._questions.ask_child(event)
            case e.SessionUpdated():
                await self._changed(event.changes)
            case e.TurnDone() | e.TurnError() | e.SessionCancelled():
                await self._ended(event, prompt)
            case _:
                pass

    def _prompt_of(self, event: Any) -> PromptTurn | None:
        """The prompt of this editor that an event belongs to."""
        if isinstance(event, e.TurnStart):
            for each in self._prompts:
                if event.key and event.key == each.key:
                    each.turn, each.mode = event.turn, event.mode
        return next((each for each in self._prompts if each.turn and each.turn == event.turn), None)

    async def _changed(self, changes: dict[str, Any]) -> None:
        self.session.update(changes)
        if "mode" in changes:
            await self._send(CurrentModeUpdate(session_update="current_mode_update", current_mode_id=str(changes["mode"])))
        if {"mode", "model", "level"} & set(changes):
            # Without the list of models, the next change says it.
            with contextlib.suppress(OptaError):
                options: Any = session_options.options_of(self.session, await self._models())
                await self._send(ConfigOptionUpdate(session_update="config_option_update", config_options=options))

    async def _ended(self, event: e.TurnDone | e.TurnError | e.SessionCancelled, prompt: PromptTurn | None) -> None:
        self._questions.turn_over(event.turn)
        if prompt is None:
            return
        ending = ending_of(event, was_filtered=prompt.was_filtered)
        if ending.reason == "refusal" and isinstance(event, e.TurnError):
            await self._send(message(notice(event.message)))
        if isinstance(event, e.SessionCancelled) and not prompt.is_stopped:
            await self._send(message(notice(event.reason)))
        prompt.end(ending)

    def _fail(self, error: RequestError) -> None:
        """The session can no longer be followed."""
        for prompt in self._prompts:
            prompt.end(TurnEnding(None, error))

    async def _send(self, update: Any) -> None:
        await self._connection.session_update(session_id=self.sid, update=update)

    # what the editor wants --------------------------------------------------------------------------

    async def prompt(self, blocks: list[Any]) -> PromptResponse:
        """Answer a prompt. Raises RequestError when its turn fails, OptaError when it is not accepted."""
        prompt = PromptTurn()
        self._prompts.append(prompt)
        try:
            self.follow()
            prompt.work = asyncio.create_task(self._answered(prompt, blocks), name="prompt")
            ending = await prompt.work
        except asyncio.CancelledError:
            if not prompt.is_stopped:
                raise
            ending = TurnEnding("cancelled")
        finally:
            self._prompts.remove(prompt)
        if ending.error is not None:
            raise ending.error
        return PromptResponse(stop_reason=ending.reason or "end_turn")

    async def stop(self) -> None:
        """Stop the turns of this editor's prompts; without one, the turn that runs."""
        prompts = list(self._prompts)
        for prompt in prompts:
            prompt.is_stopped = True
            if prompt.is_submitted:
                await self._send_stop(prompt)
            else:
                # A question before or behind the turn is withdrawn with it.
                prompt.work.cancel()
        if not prompts:
            await self._daemon.post(f"/v3/sessions/{self.sid}/stop", {})

    async def settle(self) -> None:
        """Wait a moment until the prompts that were stopped have their answers."""
        endings = [prompt.ending for prompt in self._prompts]
        if endings:
            await asyncio.wait(endings, timeout=LEAVE_S)
        for prompt in self._prompts:
            prompt.end(TurnEnding("cancelled"))

    async def leave(self) -> None:
        """The editor is gone: nobody can be asked, so a task pauses and can be resumed, and an answer stops, as when a terminal closes."""
        for prompt in self._prompts:
            # The end of the connection ends the request, too, which is no wish to stop.
            prompt.is_stop_sent = True
            if prompt.turn:
                action_word = "pause" if prompt.mode == "do" else "stop"
                with contextlib.suppress(OptaError, TimeoutError):
                    await asyncio.wait_for(self._daemon.post(f"/v3/sessions/{self.sid}/{action_word}", {"turnId": prompt.turn}), LEAVE_S)

    async def say_commands(self) -> None:
        """Name the commands that a message can begin with."""
        found = await self._daemon.get("/v3/commands", cwd=self.cwd)
        commands = [
            AvailableCommand(
                name=each["name"],
                description=each["description"] or f"A command of {each['origin']}",
                input=AvailableCommandInput(UnstructuredCommandInput(hint=each["arguments"])) if each["arguments"] else None,
            )
            for each in found["commands"]
        ]
        self._built_in = set(COMMANDS) - {each["name"] for each in found["commands"]}
        commands += [AvailableCommand(name=name, description=action(COMMANDS[name]).name) for name in sorted(self._built_in)]
        await self._send(update_available_commands(commands))

    async def _answered(self, prompt: PromptTurn, blocks: list[Any]) -> TurnEnding:
        content = prompt_content.read(blocks, self.cwd)
        if self._is_new:
            self._is_new = False
            await self._open()
        if self._asked is not None and await self._answer_question(*self._asked, content.text, prompt):
            return await prompt.ending
        if content.text[:1] == "/" and content.text[1:] in self._built_in and not content.files:
            return await self._command(content.text[1:], prompt)
        ids = [await asyncio.to_thread(self._daemon.client.another().upload, file.name, file.content) for file in content.files]
        if prompt.is_stopped:
            return TurnEnding("cancelled")
        body: dict[str, Any] = {"text": content.text, **({"attachments": ids} if ids else {})}
        await self._submit(prompt, f"/v3/sessions/{self.sid}/turns", body)
        ending = await prompt.ending
        return await self._plan(prompt, ending)

    async def _open(self) -> None:
        """What comes before the first prompt: remarks, the commands, and whether the folder is trusted."""
        if self._remarks:
            await self._send(message("".join(notice(each) for each in self._remarks)))
        # Again, because some editors drop what comes right behind a new session.
        await self.say_commands()
        await self._questions.offer_trust()

    async def _submit(self, prompt: PromptTurn, path: str, body: dict[str, Any]) -> None:
        prompt.is_submitted = True
        accepted = await self._daemon.post(path, body, prompt.key)
        prompt.turn = str(accepted["turnId"])
        if prompt.is_stopped:
            await self._send_stop(prompt)

    async def _plan(self, prompt: PromptTurn, ending: TurnEnding) -> TurnEnding:
        """Ask about the plan that a turn came to; the ending of what followed."""
        if not self.updates.view.turn(prompt.turn).has_plan or prompt.is_stopped:
            return ending
        prompt.is_submitted = False
        if not await self._questions.accepts_plan(prompt.turn):
            return ending
        following = PromptTurn()
        following.work, following.is_submitted, prompt.is_submitted = prompt.work, True, True
        self._prompts.append(following)
        try:
            await self._submit(following, f"/v3/sessions/{self.sid}/turns", {"fromPlan": prompt.turn})
            return await following.ending
        finally:
            self._prompts.remove(following)

    async def _command(self, name: str, prompt: PromptTurn) -> TurnEnding:
        if name == "compact":
            await self._submit(prompt, f"/v3/sessions/{self.sid}/compact", {})
            return await prompt.ending
        await self._daemon.post(f"/v3/sessions/{self.sid}/clear", {}, new_key())
        await self._send(message("The model's context begins anew; the history stays."))
        return TurnEnding("end_turn")

    async def _answer_question(self, asked: e.QuestionAsked, turn: str, text: str, prompt: PromptTurn) -> bool:
        """Give the model the answer that it waits for. Returns False when it was answered already, so that the words are a prompt."""
        prompt.turn, prompt.mode, self._asked = turn, self.updates.view.turn(turn).mode, None
        prompt.is_submitted = True
        try:
            await self._daemon.post(f"/v3/sessions/{asked.sid}/questions/{asked.questionId}", {"text": text, "client": CLIENT})
        except OptaError as error:
            if error.code != ErrorCode.conflict:
                raise
            prompt.turn, prompt.is_submitted = "", False
            return False
        return True

    def _wait_for_words(self, asked: e.QuestionAsked, turn: str) -> None:
        self._asked = asked, turn
        for prompt in self._prompts:
            if prompt.turn == turn:
                prompt.end(TurnEnding("end_turn"))

    async def _stop(self, turn: str) -> None:
        for prompt in self._prompts:
            prompt.is_stopped |= prompt.turn == turn
        await self._daemon.post(f"/v3/sessions/{self.sid}/stop", {"turnId": turn})

    async def _send_stop(self, prompt: PromptTurn) -> None:
        if prompt.turn and not prompt.is_stop_sent:
            prompt.is_stop_sent = True
            await self._daemon.post(f"/v3/sessions/{self.sid}/stop", {"turnId": prompt.turn})
