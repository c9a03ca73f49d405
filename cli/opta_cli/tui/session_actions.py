"""Actions on sessions: open, make, rename, put away, bring back, export, context."""

import asyncio
from pathlib import Path
from typing import Any

from opta_core.errors import Refused

from ..local_time import local
from .action_desk import ActionDesk
from .suggestions import Choice

LIST_MAX = 200
STATES = {"idle": "✓", "running": "●", "waiting": "◆", "paused": "‖", "failed": "✕"}
_ENDINGS = {"markdown": ".md", "json": ".json", "html": ".html"}


async def new(desk: ActionDesk) -> None:
    """An empty session in the same folder; it is made with its first message."""
    desk.reset()
    desk.composer.focus()


async def open_one(desk: ActionDesk) -> None:
    """Choose a session and show it."""
    await _open(desk, "")


async def with_children(desk: ActionDesk) -> None:
    """As open, with the sessions of sub-agents."""
    await _open(desk, "1")


async def _open(desk: ActionDesk, children: str) -> None:
    query: dict[str, Any] = {"limit": LIST_MAX, **({"children": children} if children else {})}
    found = (await desk.session.requests.get("/v3/sessions", **query))["sessions"]
    chosen = await desk.pick("Sessions", [choice_of(session) for session in found], empty="No session matches. Ctrl+N begins one.")
    if chosen:
        await desk.session.open(chosen)


def choice_of(session: dict[str, Any]) -> Choice:
    """A session in the list: its state, title and id, folder, and when it was active last."""
    title = session["title"] or "without a title"
    asks = " needs you" if session["pending"] or session["state"] == "waiting" else ""
    label = f"{STATES.get(session['state'], '·')} {title}"
    detail = f"s-{session['id']} · {session['turns']} turns{asks} · {Path(session['cwd']).name}"
    return Choice(session["id"], label, detail, hint=local(session["lastActivityAt"])[:16])


async def parent(desk: ActionDesk) -> None:
    """The session that this one was forked from, or whose sub-agent it is."""
    if not (above := desk.session.transcript.parent):
        raise Refused("No session started this one.")
    await desk.session.open(above)


async def rename(desk: ActionDesk) -> None:
    """Another title."""
    _ = desk.session.path
    if title := await desk.words("Title of the session", desk.session.title):
        await desk.session.change(title=title)


async def archive(desk: ActionDesk) -> None:
    """Leave the session out of lists."""
    await desk.session.requests.ask("PATCH", desk.session.path, {"archived": True})
    desk.say(f"s-{desk.session.sid} is archived: lists leave it out. Back: opta sessions archive {desk.session.sid} --back")


async def trash(desk: ActionDesk) -> None:
    """Move the session to the trash, and begin a new one."""
    sid = desk.session.sid
    path = desk.session.path
    text = f"s-{sid} · {desk.session.title}\n{len(desk.session.transcript.turns)} turns. It can be brought back from the palette."
    if await desk.confirm("Move this session to the trash?", text, "move it"):
        await desk.session.requests.ask("DELETE", path)
        desk.reset()
        desk.say(f"s-{sid} is in the trash.")


async def restore(desk: ActionDesk) -> None:
    """Bring a session back from the trash or the archive."""
    choices: list[Choice] = []
    for where in ("trash", "archive"):
        found = (await desk.session.requests.get("/v3/put-away", where=where))["sessions"]
        choices += [Choice(each["id"], each["title"] or "without a title", f"s-{each['id']} · {where}") for each in found]
    if not choices:
        raise Refused("There is nothing to bring back.")
    if chosen := await desk.pick("Bring back which session?", choices):
        await desk.session.requests.post(f"/v3/put-away/{chosen}/restore")
        await desk.session.open(chosen)


async def export_markdown(desk: ActionDesk) -> None:
    """Write the session to a new Markdown file."""
    await _export(desk, "markdown")


async def export_json(desk: ActionDesk) -> None:
    """Write the session with every event to a new file."""
    await _export(desk, "json")


async def export_html(desk: ActionDesk) -> None:
    """Write the session to a new HTML file that can be given away."""
    await _export(desk, "html")


async def _export(desk: ActionDesk, kind: str) -> None:
    path = desk.session.path
    file = Path(desk.session.settings["cwd"]) / f"opta-{desk.session.sid}{_ENDINGS[kind]}"
    if name := await desk.words("Write it to", str(file)):
        content = await asyncio.to_thread(desk.session.client.another().raw, "GET", f"{path}/export?format={kind}")
        await asyncio.to_thread(_write, name, content)
        desk.say(f"Written: {name}")


def _write(name: str, content: bytes) -> None:
    file = Path(name).expanduser()
    try:
        with open(file, "xb") as handle:
            handle.write(content)
    except FileExistsError:
        raise Refused(f"{file} is there already; nothing was written.") from None
    except OSError as error:
        raise Refused(f"{file} cannot be written: {error.strerror}.") from None


async def compact(desk: ActionDesk) -> None:
    """Summarise the context."""
    await desk.session.control("compact")


async def clear(desk: ActionDesk) -> None:
    """Begin the context anew; the history stays."""
    await desk.session.control("clear")
    desk.say("The next turn begins with an empty context. The history stays.")
