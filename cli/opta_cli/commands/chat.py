"""opta chat and opta do: send a prompt, stream the answer, ask permission questions, stop on Ctrl-C."""

import argparse
import contextlib
import shutil
import sys
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

from opta_core.errors import OptaError
from opta_core.settings import LoadedSettings, unrestricted_from_environment
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_protocol.tools.declared import tool_of

from .. import ask_user, custom_command_list, local_files, plan_answer, plan_lines, question, trust_offer
from ..ask import can_ask
from ..child_lines import ChildLines
from ..client import ANSWER_S, Client, new_key
from ..plain_text import plain, plain_json, plain_line, print_plain
from ..supervise import ensure_daemon
from . import session_worktrees
from .turn_requests import limits_of

EXIT_DONE, EXIT_FAILED, EXIT_MISUSE, EXIT_DENIED, EXIT_CANCELLED = 0, 1, 2, 4, 130
SUMMARY_CHARS_MAX = 160


class Conversation:
    """One session on a terminal."""

    def __init__(self, client: Client, session: dict[str, Any], *, as_json: bool, interactive: bool, rings: bool):
        self._client, self._as_json, self._interactive, self._rings = client, as_json, interactive, rings
        self._sid, self._cwd, self._mode = str(session["id"]), str(session["cwd"]), str(session["mode"])
        self._seq = 0
        self._is_over = False
        self._at_line_start = True
        self._was_denied = self._is_pausing = False
        self._exit = EXIT_DONE
        self._names: dict[str, str] = {}
        self._hooks: dict[str, str] = {}
        self._children, self._has_status = ChildLines(client, self._cwd), False
        self._todo: list[dict[str, str]] = []
        self._turn_mode = ""
        # The last turn, when it came to a plan that can be accepted.
        self.plan_turn = ""

    def skip_to_end(self) -> None:
        """Skip the past: show only new events."""
        self._seq = int(self._client.get(f"/v3/sessions/{self._sid}")["lastSeq"])

    def run(self, text: str, **overrides: Any) -> int:
        """Submit a prompt and follow the turn to its end. Returns the exit code."""
        body = {"text": text, **{name: value for name, value in overrides.items() if value}}
        return self._to_ending(self._client.post(f"/v3/sessions/{self._sid}/turns", body, new_key())["turnId"])

    def carry_out(self, turn: str, text: str = "") -> int:
        """Accept the plan of a turn, and follow the turn that carries it out. Returns the exit code."""
        self._mode = "do"
        return self.run(text, fromPlan=turn)

    def follow(self, turn: str) -> int:
        """Follow a turn that was accepted. Returns the exit code."""
        return self._to_ending(turn)

    def resume(self, limits: dict[str, Any]) -> int:
        """Go on with a paused turn, or continue the last one, which was interrupted. Returns the exit code."""
        body = {"limits": limits} if limits else {}
        return self._to_ending(self._client.post(f"/v3/sessions/{self._sid}/resume", body, new_key())["turnId"])

    def compact(self) -> int:
        """Summarise the context. Returns the exit code."""
        return self._to_ending(self._client.post(f"/v3/sessions/{self._sid}/compact", {}, new_key())["turnId"])

    def _to_ending(self, turn: str) -> int:
        self._is_over, self._was_denied, self._is_pausing, self.plan_turn = False, False, False, ""
        while True:
            try:
                self._follow(turn)
                break
            except KeyboardInterrupt:
                self._interrupt(turn)
        return EXIT_DENIED if self._exit == EXIT_DONE and self._was_denied else self._exit

    def _interrupt(self, turn: str) -> None:
        """Ctrl-C: work on a task pauses at a safe point, and stops the second time; an answer stops at once."""
        is_stop = self._mode != "do" or self._is_pausing
        self._is_pausing = True
        self._say("\nstopping …\n" if is_stop else "\npausing before the next step … (Ctrl-C again stops)\n")
        with contextlib.suppress(OptaError):
            self._client.post(f"/v3/sessions/{self._sid}/{'stop' if is_stop else 'pause'}", {"turnId": turn})

    def _follow(self, turn: str) -> None:
        for line in self._client.events(self._sid, self._seq, is_over=lambda: self._is_over):
            self._seq += 1
            if self._as_json:
                # On a terminal, harmful characters are escaped; the JSON has the same meaning.
                sys.stdout.buffer.write((plain_json(line) if sys.stdout.isatty() else line) + b"\n")
                sys.stdout.buffer.flush()
            event = wire.decode(line)
            if event.turn == turn or not event.turn:
                self._show(event)
            # Who paused it here does not wait for it; who follows it from elsewhere does.
            is_left = isinstance(event, e.TurnPaused) and self._is_pausing
            if event.turn == turn and (is_left or isinstance(event, e.ENDINGS)):
                self._is_over = True
                return

    def _show(self, event: Any) -> None:
        if self._rings and isinstance(event, e.TurnDone | e.TurnError | e.PermissionRequest | e.QuestionAsked):
            print("\a", end="", file=sys.stderr, flush=True)
        match event:
            case e.TurnToken():
                self._print(event.delta)
            case e.TurnStart():
                self._turn_mode = event.mode
            case e.ChildStart():
                self._names[event.callId] = f"agent {self._children.begin(event)}"
            case e.ChildState():
                self._show_child(event)
            case e.PlanUpdated():
                for line in plan_lines.changed(self._todo, event.items):
                    self._line(line)
                self._todo = event.items
            case e.StepStart() if event.attempt > 1:
                self._line("… repeated from here")
            case e.StepStart() if event.nudge:
                self._line(f"… the model was asked again: {event.nudge}")
            case e.StepStart() if event.steers:
                self._line(f"▹ read: {' · '.join(steer.text for steer in event.steers)}")
            case e.TurnPaused():
                self._exit = EXIT_CANCELLED
                self._line(f"Paused before step {event.step}. Go on: opta sessions resume s-{self._sid}")
            case e.TurnResumed():
                self._line("… goes on")
            case e.StepWaiting():
                read = f", {event.done} of {event.total} tokens of the prompt read" if event.total else ""
                self._line(
                    f"… waiting for the model, {event.seconds:.0f} s{' (it is being loaded)' if event.phase == 'loading' else ''}{read}"
                )
            case e.TurnThought():
                # What was printed so far was reasoning.
                self._line("… (that was the model's reasoning; its answer follows)")
            case e.ToolCall():
                self._names[event.callId] = event.name
                self._line(f"▸ {event.name} {_short(event)}")
            case e.PermissionRequest() if self._interactive:
                self._ask(event)
            case e.QuestionAsked() if self._interactive:
                self._line("")
                ask_user.answer(self._client, event)
            case e.QuestionAnswered():
                who = f" in {event.client}" if event.client else ""
                self._line(f"  answered{who}: {event.text}" if event.text else "  nobody answered the question in time")
            case e.PermissionDecision() if event.decision == "deny" and event.by != "client":
                # What a plan may not do is no denial of a person's task.
                self._was_denied = self._was_denied or event.layer != "mode"
                self._line(f"  denied: {event.rule}")
            case e.ToolOutput():
                self._print(event.delta, dim=True)
            case e.ToolResult():
                mark = "✓" if event.ok else "✕"
                first = event.content.split("\n", 1)[0][:100]
                self._line(
                    f"  {mark} {self._names.get(event.callId, '')} · {event.lines} lines · {event.durationMs:g} ms{'' if event.ok else ' · ' + first}"
                )
            case e.HookStart():
                self._hooks[event.hookId] = event.hook
                if event.attempt > 1:
                    self._line(f"  hook {event.hook} runs again (attempt {event.attempt})")
            case e.HookResult() if event.outcome != "ok":
                words = event.reason or event.text.split("\n", 1)[0]
                self._line(f"  hook {self._hooks.get(event.hookId, '')} {event.outcome}: {words[:SUMMARY_CHARS_MAX]}")
            case e.ContextInjected() if event.source == "skills":
                self._line(f"· {event.text.count(chr(10) + '- ')} skills are listed for the model")
            case e.Warning():
                self._line(f"! {event.message}")
            case e.RouteSwitch():
                self._line(f"! {event.to} is used instead of {event.from_}: {event.reason}")
            case e.ContextCompacted():
                self._line(f"Context compacted: about {event.before} tokens became {event.after}.")
            case e.ContextFolded():
                self._line(f"… older steps of this turn were shortened: about {event.before} tokens became {event.after}")
            case e.TurnDone():
                self._exit = EXIT_DONE
                self._line("")
                self.plan_turn = event.turn if self._turn_mode == "plan" and event.finish == "stop" else ""
                if not self._as_json and sys.stderr.isatty():
                    print(
                        f"{event.tokens} tokens · {event.tokensPerSec:g} tok/s · {event.elapsed:g} s · {event.tools} tools", file=sys.stderr
                    )
                if event.finish in get_args(e.Limited):
                    self._exit = EXIT_FAILED
                    self._error(f"the turn met a limit and is not finished. Go on: opta sessions resume s-{self._sid}")
            case e.TurnError():
                self._exit = EXIT_FAILED
                self._error(event.message)
            case e.SessionCancelled():
                self._exit = EXIT_CANCELLED
                self._error(event.reason)
            case _:
                pass

    def _ask(self, event: e.PermissionRequest) -> None:
        self._line("")
        try:
            question.answer(self._client, event, self._cwd)
        except KeyboardInterrupt:
            # A turn that waits for this answer comes to no next step: Ctrl-C stops it.
            self._is_pausing = True
            raise

    def _show_child(self, event: e.ChildState) -> None:
        self._children.take(event)
        if sys.stderr.isatty():
            self._status(self._children.all())
        elif self._children.is_worth_a_line(event):
            self._line(self._children.one(event))
        if self._interactive and event.state == "waiting":
            self._line("")
            try:
                self._children.answer(event, self._line)
            except KeyboardInterrupt:
                self._is_pausing = True
                raise

    def _status(self, text: str) -> None:
        """Replace the line that says how far sub-agents are."""
        if self._as_json or not text:
            return
        if not self._at_line_start and not self._has_status:
            print(flush=True)
        columns = shutil.get_terminal_size().columns
        sys.stderr.write(f"\r\x1b[K{plain_line(text)[: columns - 1]}")
        sys.stderr.flush()
        self._at_line_start, self._has_status = False, True

    def _print(self, text: str, *, dim: bool = False) -> None:
        if self._as_json:
            return
        stream = sys.stderr if dim else sys.stdout
        stream.write(plain(text))
        stream.flush()
        self._at_line_start = text.endswith("\n")

    def _line(self, text: str) -> None:
        """Print a text as one line."""
        if self._as_json:
            return
        if not self._at_line_start:
            print(flush=True, file=sys.stderr if self._has_status else sys.stdout)
        self._has_status = False
        if text:
            print(plain_line(text), file=sys.stderr, flush=True)
        self._at_line_start = True

    def _error(self, message: str) -> None:
        self._line("")
        print_plain(f"opta: {message}", sys.stderr)

    def _say(self, text: str) -> None:
        print(text, end="", file=sys.stderr, flush=True)


def chat(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta chat [text]"""
    return _converse(loaded, args, args.mode, is_task=False)


def do(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta do "task" """
    if args.from_plan:
        if not args.session:
            print("opta: --from-plan names a turn of a session: opta do --session ID --from-plan TURN", file=sys.stderr)
            return EXIT_MISUSE
        args.id = args.session
        return in_session(loaded, args).carry_out(args.from_plan, " ".join(args.text))
    return _converse(loaded, args, "plan" if args.plan else "do", is_task=True)


def in_session(loaded: LoadedSettings, args: argparse.Namespace) -> Conversation:
    """The conversation of the session `args.id`, at its end."""
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    client = Client(loaded.paths)
    session = client.get(f"/v3/sessions/{quote(args.id, safe='')}")
    conversation = Conversation(client, session, as_json=args.json, interactive=can_ask() and not args.json, rings=has_bell(loaded))
    conversation.skip_to_end()
    return conversation


def _converse(loaded: LoadedSettings, args: argparse.Namespace, mode: str, *, is_task: bool) -> int:
    text, command = " ".join(args.text), "do" if is_task else "chat"
    if not sys.stdin.isatty() and (not text or text == "-"):
        text = sys.stdin.read()
    once = bool(text) if is_task else args.once or (bool(text) and not sys.stdin.isatty())
    if once and not text.strip():
        print(f'opta: no prompt. Give it as an argument, opta {command} "…", or on standard input', file=sys.stderr)
        return EXIT_MISUSE
    if not once and not sys.stdin.isatty():
        print(f'opta: there is no terminal for a conversation; use opta {command} "…"' + ("" if is_task else " --once"), file=sys.stderr)
        return EXIT_MISUSE
    interactive = can_ask() and not args.json
    try:
        files = local_files.read(args.attach)
    except OSError as error:
        print_plain(f"opta: {error.filename} cannot be attached: {error.strerror}", sys.stderr)
        return EXIT_MISUSE
    if (args.worktree and args.session) or (args.carry and not args.worktree):
        problem = "a session keeps its folder; --worktree is for a new one" if args.session else "--carry goes with --worktree"
        print(f"opta: {problem}", file=sys.stderr)
        return EXIT_MISUSE
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    client = Client(loaded.paths, answer_s=session_worktrees.ANSWER_S if args.worktree else ANSWER_S)
    attachments = [client.upload(name, content) for name, content in files]
    if args.session:
        session = client.get(f"/v3/sessions/{quote(args.session, safe='')}")
    else:
        body: dict[str, Any] = {"cwd": str(Path(args.cwd or ".").absolute()), "mode": mode, "interactive": interactive}
        if args.level:
            body["level"] = args.level
        if args.model:
            body["model"] = args.model
        if unrestricted_from_environment():
            body["policy"] = "unrestricted"
        session = client.post("/v3/sessions", {**body, **session_worktrees.asked_of(args, text)})
        session_worktrees.announce(session)
    if interactive and client.get("/v3/health").get("sandbox") == "none":
        print("opta: commands run without a sandbox on this machine, so each command needs approval (see opta doctor)", file=sys.stderr)
    if interactive:
        trust_offer.offer(client, session["cwd"])
    conversation = Conversation(client, session, as_json=args.json, interactive=interactive, rings=has_bell(loaded))
    if args.session:
        conversation.skip_to_end()
    overrides: dict[str, Any] = {"mode": mode if args.session else "", "model": args.model, "level": args.level, "limits": limits_of(args)}
    if once:
        code = plan_answer.settle(conversation, conversation.run(text, **overrides, attachments=attachments), session["id"])
    else:
        code = _talk(client, conversation, session, text, overrides, attachments)
    session_worktrees.say_what_next(client, session)
    return code


def has_bell(loaded: LoadedSettings) -> bool:
    """Whether the terminal's bell says that something has ended or asks."""
    return loaded.settings.notify.bell and sys.stderr.isatty()


def _talk(
    client: Client, conversation: Conversation, session: dict[str, Any], text: str, overrides: dict[str, Any], attachments: list[str]
) -> int:
    """Prompt after prompt. `attachments` go with the first one."""
    print_plain(f"Opta · s-{session['id']} · {session['mode']} · {session['model'] or 'default model'} · Ctrl-D ends", sys.stderr)
    while True:
        if not text:
            try:
                text = input("\nyou ▸ ")
            except EOFError:
                print(file=sys.stderr)
                return EXIT_DONE
            except KeyboardInterrupt:
                print("\n(Ctrl-D ends)", file=sys.stderr)
                continue
        if text.strip() == "/help":
            custom_command_list.show(client, session["cwd"])
        elif text.strip():
            try:
                plan_answer.settle(conversation, conversation.run(text, **overrides, attachments=attachments))
                attachments = []
            except OptaError as error:
                # A command that does not exist does not end the conversation.
                if error.code != ErrorCode.invalid:
                    raise
                print_plain(f"opta: {error.message}", sys.stderr)
        text = ""


def _short(call: e.ToolCall) -> str:
    text = tool_of(call.name).summary(call.args)
    return text if len(text) <= SUMMARY_CHARS_MAX else f"{text[:SUMMARY_CHARS_MAX]}…"
