"""A session for people: Markdown and plain text."""

import msgspec

from opta_core.transcript import Call, Transcript
from opta_protocol.http import Session


def as_markdown(transcript: Transcript, session: Session) -> str:
    """Headings for turns, quotes for thinking, fenced blocks for tools."""
    parts = [f"# {session.title or 'Session'} (s-{session.id})", f"*{session.createdAt} · {transcript.cwd}*"]
    for turn in transcript.turns:
        parts += [f"## You · {turn.id} · {turn.ts}", turn.command or turn.text, f"## Assistant · {turn.id}"]
        for step in turn.steps:
            parts += [f"**You, before step {step.step}:** {steer.text}" for steer in turn.steers if steer.step == step.step]
            if step.thinking:
                parts.append("\n".join(f"> {line}" for line in step.thinking.splitlines()))
            if step.text:
                parts.append(step.text)
            parts += [_call_markdown(call) for call in step.calls]
        parts += [f"**You, not read by the model:** {steer.text}" for steer in turn.steers if not steer.step]
        if turn.state == "done" and turn.stats:
            parts.append(
                f"*{turn.stats['tokens']} tokens · {turn.stats['tokensPerSec']} tok/s · {turn.stats['elapsed']} s · {turn.stats['tools']} tools*"
            )
        elif turn.error:
            parts.append(f"**{turn.state}: {turn.error}**")
    return "\n\n".join(parts) + "\n"


def as_text(transcript: Transcript, session: Session) -> str:
    """Prompts and answers, nothing else."""
    parts: list[str] = []
    for turn in transcript.turns:
        parts.append(f"You: {turn.command or turn.text}")
        parts += [f"You, meanwhile: {steer.text}" for steer in turn.steers]
        answer = "\n".join(step.text for step in turn.steps if step.text) or turn.error
        parts.append(f"Opta: {answer}")
    return "\n\n".join(parts) + "\n"


def _call_markdown(call: Call) -> str:
    # A fence longer than any run of backticks inside.
    fence = "```"
    while fence in call.content:
        fence += "`"
    arguments = msgspec.json.encode(call.args).decode()
    return f"**{call.name}** `{arguments}` · {call.state} · {call.durationMs:g} ms\n\n{fence}\n{call.content}\n{fence}"
