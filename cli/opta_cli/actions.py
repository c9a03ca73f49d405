"""The actions that a person can do in a terminal, under the same ids as in the page (`desktop/web/src/actions`).

A test compares the ids: an action of the page is here, or in `PAGE_ONLY` with the reason. `command` is the command line that does
it, without `opta`; '' where only a conversation has it. Plain mode, the TUI's palette and editors name actions by these ids.
"""

from typing import NamedTuple


class TerminalAction(NamedTuple):
    """`name` stands alone in menus and lists. `needs`: session, running, waiting, plan, or '' for always."""

    id: str
    name: str
    command: str = ""
    needs: str = ""


ACTIONS: tuple[TerminalAction, ...] = (
    TerminalAction("composer.focus", "Write a message"),
    TerminalAction("composer.write", "Change the message"),
    TerminalAction("composer.attach", "Attach a file", "chat --attach FILE"),
    TerminalAction("composer.detach", "Remove an attached file"),
    TerminalAction("composer.toggle-mode", "Switch between Chat and Do"),
    TerminalAction("session.new", "Start a new session", "chat"),
    TerminalAction("session.open", "Open a session", "chat --session ID"),
    TerminalAction("session.search", "Search sessions", "sessions search WORDS"),
    TerminalAction("session.filter", "Filter the list of sessions", "sessions list --q WORDS"),
    TerminalAction("session.parent", "Open the session that started this one", "chat --session ID", "session"),
    TerminalAction("turn.submit", "Send the message", "do TEXT"),
    TerminalAction("turn.stop", "Stop the running turn", "sessions stop ID", "running"),
    TerminalAction("turn.pause", "Pause the running turn before its next step", "sessions pause ID", "running"),
    TerminalAction("turn.continue", "Go on with the paused turn", "sessions resume ID", "session"),
    TerminalAction("turn.resume", "Continue the last turn", "sessions resume ID", "session"),
    TerminalAction("turn.steer", "Add words to the running turn", "sessions steer ID TEXT", "running"),
    TerminalAction("turn.fork", "Fork the session at a turn", "sessions fork ID --turn TURN", "session"),
    TerminalAction("turn.retry", "Ask a turn once more", "sessions retry ID --turn TURN", "session"),
    TerminalAction("turn.edit", "Ask other words in place of a turn", "sessions retry ID --turn TURN --text WORDS", "session"),
    TerminalAction("turn.undo", "Undo what a turn changed in files", "sessions undo ID --turn TURN", "session"),
    TerminalAction("turn.undo.partly", "Undo what can be undone of a turn", "sessions undo ID --turn TURN --partly", "session"),
    TerminalAction("turn.redo", "Make the changes of a turn again", "sessions redo ID --turn TURN", "session"),
    TerminalAction("file.undo", "Undo the change of one file", "sessions undo ID PATH", "session"),
    TerminalAction("file.redo", "Make the change of one file again", "sessions redo ID PATH", "session"),
    TerminalAction("hunk.undo", "Undo one hunk of a file's change", "sessions undo ID PATH --hunk LINES", "session"),
    TerminalAction("hunk.redo", "Make one hunk of a file's change again", "sessions redo ID PATH --hunk LINES", "session"),
    TerminalAction("waiting.edit", "Change a message that waits", "sessions edit ID MESSAGE TEXT", "waiting"),
    TerminalAction("waiting.remove", "Remove a message that waits", "sessions edit ID MESSAGE", "waiting"),
    TerminalAction("permission.answer", "Answer a permission question"),
    TerminalAction("question.answer", "Answer the model's question"),
    TerminalAction("folder.trust", "Trust the folder", "policy trust"),
    TerminalAction("plan.accept", "Carry out the plan", "do --session ID --from-plan TURN", "plan"),
    TerminalAction("plan.change", "Change the plan", "", "plan"),
    TerminalAction("worktree.toggle", "Work in a git worktree", "do --worktree TEXT"),
    TerminalAction("worktree.keep", "Keep the worktree", "sessions worktree ID keep", "session"),
    TerminalAction("worktree.leave", "End the worktree", "sessions worktree ID merge", "session"),
    TerminalAction("providers.look", "Look for model servers on this machine", "doctor"),
    TerminalAction("providers.use", "Use a model server", "provider add NAME --type TYPE --base-url URL"),
    TerminalAction("triage.show", "Show what is wrong, and what repairs it", "doctor --session ID"),
    TerminalAction("triage.diagnose", "Find out what is wrong", "doctor --session ID"),
    TerminalAction("triage.fix", "Repair what is wrong", "doctor --fix"),
    TerminalAction("triage.evidence", "Save the evidence", "doctor --session ID --evidence FILE"),
    TerminalAction("triage.contain", "Pause the turns of all other sessions", "doctor --session ID --contain"),
    TerminalAction("triage.release", "Let the paused turns of other sessions go on", "sessions resume ID"),
    TerminalAction("triage.set-key", "Store the key that a provider refuses", "account rotate NAME"),
    TerminalAction("triage.choose-model", "Use another model in place of one that cannot be used", "models use NAME"),
    TerminalAction("triage.note", "Write the post-mortem into the session", "doctor --session ID --note", "session"),
    TerminalAction("triage.replay", "Replay the failed turn", "sessions retry ID", "session"),
    TerminalAction("daemon.show", "Show the daemon: its processes and their logs", "daemon status"),
    TerminalAction("daemon.start", "Start the daemon", "daemon start"),
    TerminalAction("daemon.control", "Start, stop or restart a process of the daemon", "daemon restart SERVICE"),
    TerminalAction("daemon.copy-diagnostics", "Show what is known of the daemon", "doctor"),
    TerminalAction("connection.retry", "Connect again", "status"),
    TerminalAction("connection.renew", "Connect to the daemon anew", "status"),
    TerminalAction("session.rename", "Rename the session", "sessions rename ID TITLE", "session"),
    TerminalAction("session.archive", "Archive the session", "sessions archive ID", "session"),
    TerminalAction("session.trash", "Move the session to the trash", "sessions delete ID", "session"),
    TerminalAction("session.restore", "Bring a session back", "sessions restore ID"),
    TerminalAction("session.children", "List the sub-agents too", "sessions list --all"),
    TerminalAction("session.review", "Review what the session changed", "review ID", "session"),
    TerminalAction("session.export-markdown", "Export the session as Markdown", "sessions export ID", "session"),
    TerminalAction("session.export-json", "Export the session as JSON, with every event", "sessions export ID --format json", "session"),
    TerminalAction(
        "session.export-html", "Export the session as one HTML file to give away", "sessions export ID --format html", "session"
    ),
    TerminalAction("playback.show", "Replay the session as it happened", "sessions replay ID", "session"),
    TerminalAction("playback.speed", "Choose the speed of the replay", "sessions replay ID --speed 10", "session"),
    TerminalAction("usage.show", "Show what sessions used: tokens, time and tools", "usage"),
    TerminalAction("usage.days", "Choose of how many days the usage is shown", "usage --days 7"),
    TerminalAction("context.compact", "Summarise the context", "sessions compact ID", "session"),
    TerminalAction("context.clear", "Begin the context anew", "sessions clear ID", "session"),
    TerminalAction("models.use", "Use another model in this session", "chat --session ID --model NAME", "session"),
    TerminalAction("models.default", "Use a model for new turns", "models use NAME"),
    TerminalAction("models.bench", "Measure how fast a model is", "models bench NAME"),
    TerminalAction("models.bench-stop", "Stop the measurement of a model", "models bench NAME"),
    TerminalAction("models.fetch", "Download a model", "models pull OWNER/NAME"),
    TerminalAction("models.show", "List the models, with what is loaded", "models list"),
    TerminalAction("models.load", "Load a model of LMX into memory", "models load NAME"),
    TerminalAction("models.unload", "Take a model of LMX out of memory", "models unload NAME"),
    TerminalAction("models.pull", "Begin or continue the download of a model", "models pull OWNER/NAME"),
    TerminalAction("models.pause", "Pause the download of a model", "models pause NAME"),
)

# Actions of the page that have no meaning in a terminal, by id or, with a dot at the end, by area; each with the reason.
PAGE_ONLY: dict[str, str] = {
    "hunk.comment": "a comment is a message; in a terminal it is written in the prompt",
    "page.": "a terminal finds the daemon by itself",
    "view.": "panes and notices of the page; `--watch` asks for notices in a terminal",
    "rail.": "a terminal has no rail",
    "timeline.": "a terminal scrolls, searches and copies by itself",
    "keys.": "key settings of the page",
    "settings.": "a terminal has `config`, `policy`, `account` and `provider`",
    "palette.": "the page's list of actions; a terminal completes commands",
    "examples.": "prompts that a first run of the page offers",
    "composer.": "parts of the page's composer",
    "folder.": "the page's chooser of folders; a terminal stands in a folder",
    "session.begin-rename": "a step of session.rename",
    "session.leave-rename": "a step of session.rename",
    "session.leave-trashed": "a step of session.restore",
    "session.choose": "a step of session.open",
    "session.need": "the page moves to what needs a person; a terminal asks by itself",
    "session.more": "a list in a terminal takes --limit",
    "session.new-in": "a terminal stands in a folder",
    "turn.submit-text": "a step of turn.submit",
    "playback.from": "a terminal scrolls back to a turn",
    "playback.play": "Ctrl-Z and fg pause and go on",
    "playback.back": "a terminal scrolls back",
    "playback.on": "a terminal plays events at their pace",
    "playback.slower": "the speed of `sessions replay` is chosen when it begins",
    "playback.faster": "the speed of `sessions replay` is chosen when it begins",
    "playback.seek": "a terminal scrolls back",
}


def is_page_only(action_id: str) -> bool:
    """Whether an action of the page has no meaning in a terminal."""
    return action_id in PAGE_ONLY or f"{action_id.partition('.')[0]}." in PAGE_ONLY


def action(action_id: str) -> TerminalAction:
    """The action of an id. Raises KeyError."""
    return {each.id: each for each in ACTIONS}[action_id]
