"""Actions that show a screen: daemon, logs, triage, help, the open question, the history of messages."""

from ..triage_requests import diagnose, make
from .action_desk import ActionDesk
from .daemon_screen import DaemonScreen
from .help_screen import HelpScreen
from .log_screen import LogScreen
from .suggestions import Choice
from .triage_screen import TriageScreen

HISTORY_MAX = 200


async def show_question(desk: ActionDesk) -> None:
    """The open question of this session."""
    if not desk.session.asked:
        desk.say("Nothing is asked now.")
    desk.show_question()


async def help_keys(desk: ActionDesk) -> None:
    """The keys."""
    await desk.panel(HelpScreen(desk.row_styles))


async def logs(desk: ActionDesk) -> None:
    """The log lines of all services."""
    await desk.panel(LogScreen(desk.loaded.paths, desk.row_styles))


async def daemon(desk: ActionDesk) -> None:
    """The services; from there to logs and triage."""
    following = await desk.panel(DaemonScreen(desk.loaded.paths, desk.row_styles))
    if following == "logs":
        await logs(desk)
    elif following == "triage":
        await triage(desk)


async def triage(desk: ActionDesk) -> None:
    """The five steps, and the fix."""
    sid = desk.session.sid
    screen = TriageScreen(
        lambda: diagnose(desk.loaded, session=sid, has_probe=True), lambda fix: make(desk.loaded, fix, sid), desk.row_styles
    )
    await desk.panel(screen)


async def history(desk: ActionDesk) -> None:
    """A message that was written before, back into the composer."""
    known = list(dict.fromkeys(reversed(desk.composer.messages)))[:HISTORY_MAX]
    choices = [Choice(str(number), text.replace("\n", " ⏎ ")) for number, text in enumerate(known)]
    if chosen := await desk.pick("Messages of this session", choices, empty="No message was written yet."):
        desk.composer.put(known[int(chosen)])
    desk.composer.focus()
