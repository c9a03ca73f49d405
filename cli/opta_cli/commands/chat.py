"""opta chat and opta do: what they ask of the daemon, and one prompt or many."""

import argparse
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opta_core.errors import Refused
from opta_core.settings import LoadedSettings, unrestricted_from_environment

from .. import local_files, plan_answer, trust_offer
from ..ask import can_ask
from ..client import ANSWER_S, Client
from ..connection import connect
from ..conversation_loop import ConversationLoop
from ..exit_codes import ExitCode
from ..last_session import last_session
from ..model_lookup import of_daemon
from ..piped_text import checked_prompt, is_piped, read_text
from ..terminal_conversation import Conversation
from . import session_worktrees
from .turn_requests import limits_of


def chat(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta chat [text]"""
    return _converse(loaded, args, args.mode, is_task=False)


def do(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta do "task" """
    if args.from_plan:
        if not args.session:
            raise Refused("--from-plan names a turn of a session: opta do --session ID --from-plan TURN")
        args.id = args.session
        return in_session(loaded, args).carry_out(args.from_plan, " ".join(args.text))
    return _converse(loaded, args, "plan" if args.plan else "do", is_task=True)


def in_session(loaded: LoadedSettings, args: argparse.Namespace) -> Conversation:
    """The conversation of the session `args.id`, at its end."""
    client = connect(loaded, args)
    session = client.get(f"/v3/sessions/{quote(args.id, safe='')}")
    interactive = can_ask() and not args.json
    return Conversation(
        client,
        session,
        as_json=args.json,
        interactive=interactive,
        rings=has_bell(loaded),
        after=int(session["lastSeq"]),
        shows_thinking=shows_thinking(loaded),
    )


def shows_thinking(loaded: LoadedSettings) -> bool:
    """Whether the reasoning of models is shown whole: where thinking is turned on (`opta config set thinking true`)."""
    return loaded.settings.thinking in (True, "on")


def has_bell(loaded: LoadedSettings) -> bool:
    """Whether the terminal's bell says that something has ended or asks."""
    return loaded.settings.notify.bell and sys.stderr.isatty()


def _converse(loaded: LoadedSettings, args: argparse.Namespace, mode: str, *, is_task: bool) -> int:
    text, command = _prompt(args), "do" if is_task else "chat"
    once = bool(text) if is_task else args.once or (bool(text) and not sys.stdin.isatty())
    wants_words = bool(args.text) or is_piped()
    if not text.strip() and (once or wants_words or not sys.stdin.isatty()) and not (args.session or args.continues):
        raise Refused(f'There is no prompt. Give it as an argument, opta {command} "…", or on standard input.')
    if is_task and not text.strip() and not (args.session or args.continues) and not can_ask():
        raise Refused(f'There is no terminal for a conversation; use opta {command} "…".')
    files = _files(args)
    if (args.worktree and args.session) or (args.carry and not args.worktree):
        raise Refused("A session keeps its folder; --worktree is for a new one." if args.session else "--carry goes with --worktree.")
    interactive = can_ask() and not args.json
    client = connect(loaded, args, answer_s=session_worktrees.ANSWER_S if args.worktree else ANSWER_S)
    if args.model:
        args.model = of_daemon(client, loaded.settings, args.model)
    attachments = [client.upload(name, content) for name, content in files]
    session, is_old = _session(client, args, mode, text, interactive=interactive)
    if interactive and client.get("/v3/health").get("sandbox") == "none":
        print("opta: commands run without a sandbox on this machine, so each command needs approval (see opta doctor)", file=sys.stderr)
    if interactive:
        trust_offer.offer(client, session["cwd"])
    conversation = Conversation(
        client,
        session,
        as_json=args.json,
        interactive=interactive,
        rings=has_bell(loaded),
        notifies=args.watch,
        shows_past=is_old,
        shows_thinking=shows_thinking(loaded),
        goes_on=not once and can_ask(),
    )
    overrides: dict[str, Any] = {"mode": mode if is_old else "", "model": args.model, "level": args.level, "limits": limits_of(args)}
    code = conversation.join() if is_old else ExitCode.done
    if once:
        code = plan_answer.settle(conversation, conversation.run(text, **overrides, attachments=attachments), session["id"])
    elif text or can_ask():
        code = ConversationLoop(client, loaded.settings, session, conversation, overrides, attachments).run(text)
    session_worktrees.say_what_next(client, session)
    return code


def _prompt(args: argparse.Namespace) -> str:
    """The words of the command line, and below them what is piped in. Raises Refused."""
    text = checked_prompt(" ".join(word for word in args.text if word != "-"))
    piped = read_text()
    return checked_prompt(f"{text}\n\n{piped}" if text and piped.strip() else text or piped)


def _files(args: argparse.Namespace) -> list[tuple[str, bytes]]:
    try:
        return local_files.read(args.attach)
    except OSError as error:
        raise Refused(f"{error.filename} cannot be attached: {error.strerror}.") from None


def _session(client: Client, args: argparse.Namespace, mode: str, text: str, *, interactive: bool) -> tuple[dict[str, Any], bool]:
    """(the session, whether it existed)."""
    folder = Path(args.cwd or ".").absolute()
    if args.continues and not args.session:
        args.session = last_session(client, args.cwd)
    if args.session:
        return client.get(f"/v3/sessions/{quote(args.session, safe='')}"), True
    if not folder.is_dir():
        raise Refused(f"--cwd is {args.cwd!r}, but {'it is a file' if folder.exists() else 'there is no such folder'}. Name a folder.")
    body: dict[str, Any] = {"cwd": str(folder), "mode": mode, "interactive": interactive}
    if args.level:
        body["level"] = args.level
    if args.model:
        body["model"] = args.model
    if unrestricted_from_environment():
        body["policy"] = "unrestricted"
    session = client.post("/v3/sessions", {**body, **session_worktrees.asked_of(args, text)})
    session_worktrees.announce(session)
    return session, False
