"""The words of the header and of the live region, from a session and a width. Pure, so that every state can be shown by a test."""

from pathlib import Path
from typing import NamedTuple

from rich.text import Text

from opta_core.transcript import Transcript
from opta_core.transcript_parts import Turn

from ..plain_text import plain_line
from .palette_styles import PaletteStyles
from .turn_text import STATE_WORDS

MODES = {"chat": "Chat", "do": "Do", "plan": "Plan"}
LEVELS = {"L1": "L1 Ask", "L2": "L2 Safe", "L3": "L3 Auto"}
BAR_CELLS = 8


class HeaderFacts(NamedTuple):
    """What the header shows. `lost`: why the daemon does not answer; '' when it does."""

    title: str
    sid: str
    cwd: str
    mode: str
    level: str
    model: str
    used: int
    limit: int
    lost: str


def header(facts: HeaderFacts, width: int, styles: PaletteStyles) -> list[Text]:
    """Two rows: what session this is and how it is connected; folder, mode, level, model and context."""
    connection = ("⟳ Reconnecting", "warn") if facts.lost else ("● Connected", "ok")
    right = Text(connection[0], styles.style(connection[1], bold=True))
    name = f"s-{facts.sid}" if facts.sid else "new session"
    left = Text.assemble(("◈ Opta ", styles.style("violet", bold=True)), (name, styles.style("cyan")))
    if facts.title:
        left.append(f"  {plain_line(facts.title)}", styles.style("text", bold=True))
    pills = Text.assemble(
        (MODES.get(facts.mode, facts.mode), styles.style("violet", bold=True)),
        (f" · {LEVELS.get(facts.level, facts.level)} · ", styles.style("text-dim")),
    )
    context = _context(facts, styles)
    model = Text(plain_line(facts.model or "default model"), styles.style("text"))
    folder = Text(_short(facts.cwd), styles.style("text-dim"))
    spare = width - pills.cell_len - context.cell_len - 2
    model.truncate(max(10, min(model.cell_len, spare * 3 // 5)), overflow="ellipsis")
    folder = _from_the_end(folder, max(0, spare - model.cell_len - 2))
    return [_spread(left, right, width), _spread(Text.assemble(pills, model, "  ", folder), context, width)]


def context_of(transcript: Transcript) -> tuple[int, int]:
    """(tokens of the context in use, of how many), after the last model call; zeros before one."""
    for turn in reversed(transcript.turns):
        if turn.seq <= transcript.clearedTo:
            break
        for step in reversed(turn.steps):
            if step.contextUsed:
                return step.contextUsed, step.contextLimit or turn.contextLimit
    return 0, 0


class LiveFacts(NamedTuple):
    """What the live region shows, beside the running turn. `asked`: tools that need an answer; `waits`: words on a silent model."""

    turn: Turn | None
    elapsed_s: float
    rate: float
    asked: list[str]
    waits: str
    queued: int
    unread: int
    plan: list[dict[str, str]]
    lost: str
    notice: str


def live(facts: LiveFacts, width: int, styles: PaletteStyles) -> Text:
    """One row: what happens now, and what a person can do about it."""
    if facts.lost:
        row = Text.assemble(("⟳ Reconnecting", styles.style("warn", bold=True)), " · nothing is lost: ", plain_line(facts.lost))
    elif facts.asked:
        number = f" and {len(facts.asked) - 1} more" if len(facts.asked) > 1 else ""
        row = Text.assemble((f"◆ Needs you: {plain_line(facts.asked[0])}{number}", styles.style("warn", bold=True)), " · F4 shows it")
    elif facts.turn is not None:
        row = _running(facts, facts.turn, styles)
    else:
        row = Text(facts.notice or "Enter sends · / commands · @ files · Tab model · F1 help", styles.style("text-faint"))
    row.truncate(width, overflow="ellipsis")
    return row


def _running(facts: LiveFacts, turn: Turn, styles: PaletteStyles) -> Text:
    glyph, word, token = STATE_WORDS[turn.state]
    step = turn.steps[-1] if turn.steps else None
    calls = [call for call in step.calls if call.state in ("running", "allowed")] if step is not None else []
    doing = facts.waits or (
        f"runs {calls[0].name}" if calls else "writes" if step and step.text else "thinks" if step and step.thinking else ""
    )
    parts = [f"step {step.step}"] * bool(step) + [doing] * bool(doing) if step else ["waits for a model"]
    if facts.rate and turn.state == "running" and not calls:
        parts.append(f"{facts.rate:.0f} tok/s")
    parts.append(f"{facts.elapsed_s:.0f} s")
    done = sum(item.get("state") == "done" for item in facts.plan)
    if facts.plan:
        parts.append(f"plan {done} of {len(facts.plan)}")
    key = {"running": "Ctrl+C stops" if turn.mode == "chat" else "Ctrl+C pauses", "paused": "F5 goes on", "pausing": "Ctrl+C stops"}
    row = Text.assemble((f"{glyph} {word}", styles.style(token, bold=True)))
    waits = [f"{facts.unread} to be read"] * bool(facts.unread) + [f"{facts.queued} queued"] * bool(facts.queued)
    row.append("".join(f" · {each}" for each in waits), styles.style("violet"))
    row.append("".join(f" · {part}" for part in parts), styles.style("text-dim"))
    row.append(f" · {key[turn.state]}" if turn.state in key else "", styles.style("text-faint"))
    return row


def _context(facts: HeaderFacts, styles: PaletteStyles) -> Text:
    if not facts.limit:
        return Text("context –", styles.style("text-faint"))
    share = facts.used / facts.limit
    token = "err" if share >= 0.9 else "warn" if share >= 0.75 else "cyan"
    full = min(BAR_CELLS, round(share * BAR_CELLS))
    return Text.assemble(
        ("▓" * full + "░" * (BAR_CELLS - full), styles.style(token)),
        (f" {_size(facts.used)}/{_size(facts.limit)} {share:.0%}", styles.style("text-dim")),
    )


def _size(tokens: int) -> str:
    return f"{tokens / 1000:.1f}k" if tokens >= 1000 else str(tokens)


def _spread(left: Text, right: Text, width: int) -> Text:
    left.truncate(max(0, width - right.cell_len - 1), overflow="ellipsis", pad=True)
    return Text.assemble(left, " ", right, no_wrap=True)


def _short(cwd: str) -> str:
    home = str(Path.home())
    return plain_line(f"~{cwd[len(home) :]}" if cwd == home or cwd.startswith(home + "/") else cwd)


def _from_the_end(text: Text, width: int) -> Text:
    """The end of a path says more than its beginning."""
    if text.cell_len <= width:
        return text
    return Text(f"…{text.plain[len(text.plain) - width + 1 :]}", text.style) if width > 4 else Text("")
