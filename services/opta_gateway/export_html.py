"""A session as one HTML file that can be given away: it loads nothing, and every secret that is known is masked.

It is the whole session without any script. One script of ours plays it back: its hash stands in the policy of the file, so nothing else
runs. The player gets numbers and no words (`export_timing`): it shows and hides parts of the masked document.
"""

import base64
import hashlib
import html
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec

from opta_core.transcript import Call, Step, Transcript, Turn
from opta_protocol.http import Session

from .export_timing import ExportTiming, Growth

# What `mask` makes of a text is shown, and nothing else.
Mask = Callable[[str], str]

_STYLE = """
:root { color-scheme: light dark; --text: #1d1730; --dim: #5c5670; --canvas: #fbfaff; --raised: #f1eefb; --border: #d9d3ea; --accent: #6d28d9; }
@media (prefers-color-scheme: dark) { :root { --text: #e9e6f5; --dim: #a29bb8; --canvas: #0d0a14; --raised: #17121f; --border: #332b45; --accent: #a78bfa; } }
* { box-sizing: border-box; }
body { max-width: 52rem; margin: 0 auto; padding: 2rem 1rem 4rem; color: var(--text); background: var(--canvas); font: 16px/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { margin: 2.5rem 0 .5rem; font-size: 1rem; color: var(--accent); }
.dim, summary { color: var(--dim); font-size: .9rem; }
.prompt { padding: .8rem 1rem; border-inline-start: 3px solid var(--accent); background: var(--raised); white-space: pre-wrap; }
details { margin: .5rem 0; padding: .3rem .8rem; border: 1px solid var(--border); border-radius: .5rem; }
pre { padding: .6rem .8rem; border-radius: .4rem; background: var(--raised); overflow-x: auto; font-size: .85rem; white-space: pre-wrap; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
table { border-collapse: collapse; } th, td { padding: .2rem .6rem; border: 1px solid var(--border); }
blockquote { margin-inline: 0; padding-inline-start: 1rem; border-inline-start: 3px solid var(--border); color: var(--dim); }
#player { position: sticky; bottom: 0; display: flex; flex-wrap: wrap; align-items: center; gap: .4rem; margin-top: 2rem; padding: .6rem .8rem; border: 1px solid var(--accent); border-radius: .6rem; background: var(--canvas); }
#player[hidden] { display: none; }
#player strong { padding: 0 .7rem; border-radius: 1rem; background: #6d28d9; color: #fff; }
#player button, #player select { min-height: 2rem; padding: .1rem .7rem; border: 1px solid var(--dim); border-radius: .4rem; background: var(--raised); color: var(--text); font: inherit; cursor: pointer; }
#player input { flex: 1 1 100%; accent-color: #7c3aed; }
#player :focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
#where { flex: 1 1 100%; margin: 0; }
body.playing { min-height: 100vh; }
.bad { color: #b91c1c; } @media (prefers-color-scheme: dark) { .bad { color: #fca5a5; } }
"""
_PLAYER = Path(__file__).with_name("export_player.js").read_text()


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# No picture, font or connection, and no style or script but these.
_POLICY = f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_PLAYER)}; base-uri 'none'; form-action 'none'"
_CONTROLS = """<div id="player" role="group" aria-label="Replay" hidden><strong>Replay</strong>
<button type="button" id="before" aria-label="Turn before">«</button><button type="button" id="back" aria-label="One event back">‹</button>
<button type="button" id="play">Play</button><button type="button" id="on" aria-label="One event on">›</button>
<button type="button" id="after" aria-label="Turn after">»</button>
<label>Speed <select id="speed"><option value="1">1×</option><option value="2">2×</option><option value="5">5×</option><option value="10">10×</option><option value="20">20×</option></select></label>
<button type="button" id="whole" hidden>Show the whole session</button>
<input type="range" id="line" min="0" max="1" step="1" value="0" aria-label="Position in the replay"><p id="where" class="dim"></p></div>"""
_LINK = re.compile(r'<a href="')


def as_html(transcript: Transcript, session: Session, mask: Mask, timing: ExportTiming | None = None) -> str:
    """The whole session, with `mask` applied to every text of it. With its timing, it can be played back."""

    def text(words: str) -> str:
        return html.escape(mask(words))

    title = text(session.title or f"Session s-{session.id}")
    moments = timing or ExportTiming()
    body = "\n".join(_turn(turn, text, mask, moments) for turn in transcript.turns) or '<p class="dim">This session has no turns.</p>'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="dim">s-{html.escape(session.id)} · {text(session.createdAt)} · {text(transcript.cwd)}</p>\n{body}\n'
        '<p class="dim">Exported by Opta. Secrets that it knows, and what looks like one, are masked.</p>\n'
        f"{_player(transcript, moments) if moments.times and transcript.turns else ''}</body></html>\n"
    )


def _player(transcript: Transcript, timing: ExportTiming) -> str:
    """The controls, the times of all events, and the script. Without the script, the controls stay hidden."""
    times = {"start": timing.times[0], "pauses": timing.pauses(), "turns": [turn.seq for turn in transcript.turns]}
    encoded = msgspec.json.encode(times).decode()
    return f'{_CONTROLS}\n<script type="application/json" id="times">{encoded}</script>\n<script>{_PLAYER}</script>\n'


@cache
def _renderer() -> Callable[[str], str]:
    # Imported when somebody exports: no start of the gateway waits for it.
    from markdown_it import MarkdownIt

    # HTML of a model stays text, and its pictures would be fetched from elsewhere.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image").render


def _turn(turn: Turn, text: Mask, mask: Mask, timing: ExportTiming) -> str:
    begun, ended = _from(turn.seq), _from(timing.ends.get(turn.id, turn.seq))
    parts = [f"<h2{begun}>You · {text(turn.ts)}</h2>", f'<div class="prompt"{begun}>{text(turn.command or turn.text)}</div>']
    parts.append(f"<h2{begun}>Assistant</h2>")
    for step in turn.steps:
        read = _from(step.seq)
        parts += [f'<div class="prompt"{read}>{text(steer.text)}</div>' for steer in turn.steers if steer.step == step.step]
        parts += _step(turn, step, text, mask, timing)
    parts += [f'<div class="prompt"{ended}>{text(steer.text)}</div>' for steer in turn.steers if not steer.step]
    if turn.state == "done" and turn.stats:
        stats = turn.stats
        parts.append(f'<p class="dim"{ended}>{stats["tokens"]} tokens · {stats["elapsed"]} s · {stats["tools"]} tools</p>')
    elif turn.error or turn.state != "done":
        parts.append(f'<p class="bad"{ended}>{text(turn.state)}{": " if turn.error else ""}{text(turn.error)}</p>')
    return "\n".join(parts)


def _step(turn: Turn, step: Step, text: Mask, mask: Mask, timing: ExportTiming) -> list[str]:
    parts: list[str] = []
    key = turn.id, step.step
    if step.thinking:
        grows = _grows(timing.thoughts.get(key), step.seq)
        parts.append(
            f"<details{_from(_begin(timing.thoughts.get(key), step.seq))}><summary>Thinking</summary><pre{grows}>{text(step.thinking)}</pre></details>"
        )
    if step.text:
        # A link says nothing about where the reader came from.
        rendered = _LINK.sub('<a rel="noopener noreferrer nofollow" href="', _renderer()(mask(step.text)))
        parts.append(f"<div{_grows(timing.texts.get(key), step.seq)}>{rendered}</div>")
    return parts + [_call(turn, call, text, timing) for call in step.calls]


def _call(turn: Turn, call: Call, text: Mask, timing: ExportTiming) -> str:
    arguments = msgspec.json.format(msgspec.json.encode(call.args), indent=2).decode()
    state = f'<span class="bad">{text(call.state)}</span>' if call.state in ("failed", "denied", "cancelled") else text(call.state)
    key = turn.id, call.id
    answered = timing.results.get(key, timing.ends.get(turn.id, call.seq))
    states = timing.states.get(key, [])
    # While it is played, the call says how it stood. In the document alone, these words are hidden.
    nexts = [number for number, _ in states[1:]] + [answered]
    stood = "".join(
        f'<span hidden data-from="{number}" data-until="{until}">{words}</span>'
        for (number, words), until in zip(states, nexts, strict=False)
    )
    result = _from(answered)
    parts = [
        f"<details{_from(call.seq)}><summary>{text(call.name)} · {stood}<span{result}>{state} · {call.durationMs:g} ms</span></summary>",
        f"<pre>{text(arguments)}</pre>",
    ]
    if call.diff:
        parts.append(f"<pre>{text(call.diff)}</pre>")
    if call.content:
        parts.append(f"<pre{result}>{text(call.content)}</pre>")
    return "".join(parts) + "</details>"


def _from(event: int) -> str:
    """The attribute of a part that is there from an event on."""
    return f' data-from="{event}"'


def _begin(growth: Growth | None, otherwise: int) -> int:
    return growth.at[0][0] if growth and growth.at else otherwise


def _grows(growth: Growth | None, otherwise: int) -> str:
    """The attributes of a text that came in pieces."""
    if growth is None or not growth.at:
        return _from(otherwise)
    pieces = ",".join(f"{event} {chars}" for event, chars in growth.at)
    return f'{_from(_begin(growth, otherwise))} data-grow="{pieces}"'
