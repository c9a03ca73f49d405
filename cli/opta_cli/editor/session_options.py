"""What an editor can choose in a session: the mode, the model and the level, as modes and as configuration options of the protocol."""

from typing import Any

from acp.schema import SessionConfigOptionSelect, SessionConfigSelectOption, SessionMode, SessionModeState

from opta_protocol.permissions import Level, Mode, default_level

from .turn_ending import refused

MODE, MODEL, LEVEL = "mode", "model", "level"
# The value that stands for "the default model of the settings".
DEFAULT_MODEL = "default"
MODES = {
    Mode.chat: ("Chat", "A conversation; by default each tool call is asked about."),
    Mode.do: ("Do", "Work on a task; what the rules allow runs without a question."),
    Mode.plan: ("Plan", "Only read, and make a plan that you accept or change."),
}
LEVELS = {
    Level.L1: ("L1 Ask", "Each tool call is asked about."),
    Level.L2: ("L2 Safe", "The default rules: reading runs, writing and commands are asked about."),
    Level.L3: ("L3 Auto", "As L2, and writes in the workspace run, too."),
}


def modes_of(session: dict[str, Any]) -> SessionModeState:
    """The modes, and that of a session."""
    known = [SessionMode(id=mode, name=name, description=text) for mode, (name, text) in MODES.items()]
    return SessionModeState(available_modes=known, current_mode_id=session["mode"])


def options_of(session: dict[str, Any], models: dict[str, Any]) -> list[SessionConfigOptionSelect]:
    """All options with their current values. `models`: the body of GET /v3/models."""
    modes = [SessionConfigSelectOption(value=mode, name=name, description=text) for mode, (name, text) in MODES.items()]
    levels = [SessionConfigSelectOption(value=level, name=name, description=text) for level, (name, text) in LEVELS.items()]
    return [
        SessionConfigOptionSelect(type="select", id=MODE, name="Mode", category="mode", current_value=session["mode"], options=modes),
        SessionConfigOptionSelect(
            type="select",
            id=MODEL,
            name="Model",
            category="model",
            current_value=session["model"] or DEFAULT_MODEL,
            options=_models(session, models),
        ),
        SessionConfigOptionSelect(
            type="select",
            id=LEVEL,
            name="Permissions",
            description="Which tool calls are asked about.",
            current_value=session["level"],
            options=levels,
        ),
    ]


def change_of(session: dict[str, Any], option: str, value: str | bool, models: dict[str, Any]) -> dict[str, Any]:
    """The change of the session (PATCH) for a choice. Raises RequestError for an option or a value that does not exist."""
    options = {each.id: each for each in options_of(session, models)}
    if option not in options:
        raise refused(f"There is no option {option!r}; there are {', '.join(options)}.")
    values = [str(each.value) for each in options[option].options]  # pyright: ignore[reportAttributeAccessIssue]
    if value not in values:
        raise refused(f"Option {option!r} cannot be {value!r}; it can be {', '.join(values)}.")
    if option == MODEL:
        return {MODEL: "" if value == DEFAULT_MODEL else value}
    if option == MODE and session[LEVEL] == default_level(Mode(session[MODE])):
        # A level that nobody has chosen follows the mode, as in the page and the terminal.
        return {MODE: value, LEVEL: default_level(Mode(str(value)))}
    return {option: value}


def _models(session: dict[str, Any], models: dict[str, Any]) -> list[SessionConfigSelectOption]:
    default = models.get("default") or "none is set: opta models use NAME"
    found = [SessionConfigSelectOption(value=DEFAULT_MODEL, name="Default model", description=str(default))]
    known = {str(model["id"]): model for model in models.get("models", [])}
    if session["model"] and session["model"] not in known:
        found.append(SessionConfigSelectOption(value=session["model"], name=session["model"], description="This model is not listed now."))
    for name, model in known.items():
        state = "" if model["healthy"] else "it does not answer now"
        found.append(SessionConfigSelectOption(value=name, name=name, description=state or None))
    return found
