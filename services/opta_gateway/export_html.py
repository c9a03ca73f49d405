"""A session as one HTML file that can be given away: it loads nothing, runs nothing, and every secret that is known is masked."""

import base64
import hashlib
import html
import re
from collections.abc import Callable
from functools import cache

import msgspec

from opta_core.transcript import Call, Step, Transcript, Turn
from opta_protocol.http import Session

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
.bad { color: #b91c1c; } @media (prefers-color-scheme: dark) { .bad { color: #fca5a5; } }
"""
# No script, picture, font or connection; only this style.
_POLICY = f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
_LINK = re.compile(r'<a href="')


def as_html(transcript: Transcript, session: Session, mask: Mask) -> str:
    """The whole session, with `mask` applied to every text of it."""

    def text(words: str) -> str:
        return html.escape(mask(words))

    title = text(session.title or f"Session s-{session.id}")
    body = "\n".join(_turn(turn, text, mask) for turn in transcript.turns) or '<p class="dim">This session has no turns.</p>'
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="dim">s-{html.escape(session.id)} · {text(session.createdAt)} · {text(transcript.cwd)}</p>\n{body}\n'
        '<p class="dim">Exported by Opta. Secrets that it knows, and what looks like one, are masked.</p>\n</body></html>\n'
    )


@cache
def _renderer() -> Callable[[str], str]:
    # Imported when somebody exports: no start of the gateway waits for it.
    from markdown_it import MarkdownIt

    # HTML of a model stays text, and its pictures would be fetched from elsewhere.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image").render


def _turn(turn: Turn, text: Mask, mask: Mask) -> str:
    parts = [f"<h2>You · {text(turn.ts)}</h2>", f'<div class="prompt">{text(turn.command or turn.text)}</div>', "<h2>Assistant</h2>"]
    for step in turn.steps:
        parts += [f'<div class="prompt">{text(steer.text)}</div>' for steer in turn.steers if steer.step == step.step]
        parts += _step(step, text, mask)
    parts += [f'<div class="prompt">{text(steer.text)}</div>' for steer in turn.steers if not steer.step]
    if turn.state == "done" and turn.stats:
        stats = turn.stats
        parts.append(f'<p class="dim">{stats["tokens"]} tokens · {stats["elapsed"]} s · {stats["tools"]} tools</p>')
    elif turn.error or turn.state != "done":
        parts.append(f'<p class="bad">{text(turn.state)}{": " if turn.error else ""}{text(turn.error)}</p>')
    return "\n".join(parts)


def _step(step: Step, text: Mask, mask: Mask) -> list[str]:
    parts: list[str] = []
    if step.thinking:
        parts.append(f"<details><summary>Thinking</summary><pre>{text(step.thinking)}</pre></details>")
    if step.text:
        # A link says nothing about where the reader came from.
        parts.append(_LINK.sub('<a rel="noopener noreferrer nofollow" href="', _renderer()(mask(step.text))))
    return parts + [_call(call, text) for call in step.calls]


def _call(call: Call, text: Mask) -> str:
    arguments = msgspec.json.format(msgspec.json.encode(call.args), indent=2).decode()
    state = f'<span class="bad">{text(call.state)}</span>' if call.state in ("failed", "denied", "cancelled") else text(call.state)
    parts = [f"<details><summary>{text(call.name)} · {state} · {call.durationMs:g} ms</summary>", f"<pre>{text(arguments)}</pre>"]
    if call.diff:
        parts.append(f"<pre>{text(call.diff)}</pre>")
    if call.content:
        parts.append(f"<pre>{text(call.content)}</pre>")
    return "".join(parts) + "</details>"
