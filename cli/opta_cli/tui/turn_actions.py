"""Actions on turns: stop, pause, go on, words, forks, undo, plans, and messages that wait."""

from opta_core.errors import Refused
from opta_core.transcript_parts import Turn

from .. import undo_lines
from ..client import new_key
from .action_desk import ActionDesk
from .detail_screen import DiffScreen
from .suggestions import Choice

TITLE_CHARS = 60


async def stop(desk: ActionDesk) -> None:
    """Stop the running turn."""
    await desk.session.control("stop")


async def pause(desk: ActionDesk) -> None:
    """Pause the running turn before its next step."""
    await desk.session.control("pause")
    desk.say("Pauses before the next step; Ctrl+C again stops.")


async def resume(desk: ActionDesk) -> None:
    """Go on with a paused turn, or with the last one, which did not come to its end."""
    active = desk.session.active
    if (active is None or active.state != "paused") and not desk.session.resumable:
        raise Refused("There is no turn to go on with: the last one came to its end.")
    await desk.session.control("resume")


async def steer(desk: ActionDesk) -> None:
    """Words for the running turn."""
    if words := await desk.words("Words for the next step of the running turn"):
        await desk.session.steer(words)


async def fork(desk: ActionDesk) -> None:
    """A new session with the history up to a turn."""
    if turn := await _turn(desk, "Fork after which turn?", only_ended=True):
        made = (await desk.session.control("fork", {"turnId": turn}))["session"]
        await desk.session.open(made["id"])
        desk.say(f"This is s-{made['id']}, with the history up to {turn}.")


async def retry(desk: ActionDesk) -> None:
    """Ask a turn once more, in a fork before it."""
    if turn := await _turn(desk, "Ask which turn once more?"):
        await _again(desk, turn, "")


async def edit(desk: ActionDesk) -> None:
    """Ask other words in place of a turn, in a fork before it."""
    turn = await _turn(desk, "Ask other words in place of which turn?")
    known = desk.session.transcript.turn(turn) if turn else None
    if known is not None and (words := await desk.words("The words to ask instead", known.command or known.text)):
        await _again(desk, turn, words)


async def _again(desk: ActionDesk, turn: str, text: str) -> None:
    body = {"turnId": turn, "again": True, **({"text": text} if text else {})}
    made = (await desk.session.control("fork", body))["session"]
    await desk.session.open(made["id"])
    desk.say(f"This is s-{made['id']}, a fork before {turn}.")


async def undo(desk: ActionDesk) -> None:
    """Take back what a turn changed in files, after showing what becomes of each."""
    await _undo(desk, "undo")


async def undo_partly(desk: ActionDesk) -> None:
    """Take back what can be of a turn."""
    await _undo(desk, "undo", is_partly=True)


async def redo(desk: ActionDesk) -> None:
    """Make the changes of a turn again."""
    await _undo(desk, "redo")


async def _undo(desk: ActionDesk, action: str, *, is_partly: bool = False) -> None:
    turn = await _turn(desk, f"{action.capitalize()} the changes of which turn?", only_ended=True)
    if not turn:
        return
    would = await desk.session.control(action, {"turnId": turn, "partly": is_partly, "dryRun": True})
    rows, left = undo_lines.file_lines(would, action), undo_lines.refused(would)
    if not rows:
        raise Refused(f"{turn} changed no file.")
    if len(left) == len(rows):
        raise Refused(f"Nothing of {turn} can be changed: {rows[0]}")
    title, yes = f"{action.capitalize()} what {turn} changed?", f"{action} it"
    if left:
        title, yes = f"{title} {len(left)} of {len(rows)} files cannot be.", f"{action} the others"
    if await desk.confirm(title, "\n".join(rows), yes):
        done = await desk.session.control(action, {"turnId": turn, "partly": is_partly or bool(left)})
        desk.say(undo_lines.short(done, action), is_problem=bool(undo_lines.refused(done)))


async def review(desk: ActionDesk) -> None:
    """What the session changed in files, as diffs."""
    found = await desk.session.requests.get(f"{desk.session.path}/changes")
    await desk.panel(DiffScreen(f"What s-{desk.session.sid} changed", found, desk.row_styles))


async def edit_waiting(desk: ActionDesk) -> None:
    """Take a message that waits back into the composer."""
    found = await _waiting(desk, "Change which message?")
    if found is not None:
        await _remove(desk, found)
        desk.composer.put(found.detail)
        desk.say("It waits no more. Change it, and send it.")


async def remove_waiting(desk: ActionDesk) -> None:
    """Remove a message that waits."""
    found = await _waiting(desk, "Remove which message?")
    if found is not None:
        await _remove(desk, found)
        desk.say("It is removed.")


async def _waiting(desk: ActionDesk, title: str) -> Choice | None:
    session = desk.session
    choices = [Choice(f"steer/{steer.id}", "to be read", steer.text) for steer in session.unread]
    choices += [Choice(f"turns/{turn.id}", f"queued {turn.id}", turn.command or turn.text) for turn in session.queued]
    if not choices:
        raise Refused("No message waits.")
    chosen = choices[0].id if len(choices) == 1 else await desk.pick(title, choices)
    return next((choice for choice in choices if choice.id == chosen), None)


async def _remove(desk: ActionDesk, waiting: Choice) -> None:
    kind, _, name = waiting.id.partition("/")
    if kind == "steer":
        await desk.session.requests.ask("DELETE", f"{desk.session.path}/steer/{name}", None)
    else:
        await desk.session.control("stop", {"turnId": name})


async def accept_plan(desk: ActionDesk) -> None:
    """Carry out the plan of the last turn, in mode do."""
    if not (turn := desk.session.plan_turn):
        raise Refused("The last turn came to no plan. A plan is made in mode Plan.")
    await desk.session.send("", fromPlan=turn)


async def change_plan(desk: ActionDesk) -> None:
    """Say what the plan shall be instead."""
    if not desk.session.plan_turn:
        raise Refused("The last turn came to no plan. A plan is made in mode Plan.")
    if words := await desk.words("What to change in the plan"):
        await desk.session.send(words, mode="plan")


async def replay(desk: ActionDesk) -> None:
    """The failed turn in a new session without the turns before it: says whether the context was the cause."""
    desk.say("Replays the turn in a session of its own; this takes up to half a minute …")
    found = await desk.session.requests.post(f"{desk.session.path}/replay", {}, new_key())
    desk.say(found["text"])


async def _turn(desk: ActionDesk, title: str, *, only_ended: bool = False) -> str:
    """The id of a turn that a person chooses, the last one first; '' for none."""
    turns = [turn for turn in reversed(desk.session.transcript.turns) if not only_ended or turn.endedAt]
    if not turns:
        raise Refused("There is no such turn yet.")
    return await desk.pick(title, [_choice(turn) for turn in turns])


def _choice(turn: Turn) -> Choice:
    text = (turn.command or turn.text).split("\n", 1)[0]
    return Choice(turn.id, f"{turn.id}  {text[:TITLE_CHARS]}", "", hint=turn.state)
