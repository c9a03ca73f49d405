"""Actions on how turns run: model, mode, level, the default model, the folder's trust, attached files, settings."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from opta_core import setting_keys, settings
from opta_core.errors import Refused

from .. import local_files
from .action_desk import ActionDesk
from .status_text import LEVELS
from .suggestions import Choice

RECENT_MAX = 5


async def use(desk: ActionDesk) -> None:
    """Another model, for this session only."""
    if chosen := await _model(desk, "Model of this session"):
        await desk.session.change(model=chosen)
        desk.say(f"{chosen} answers in this session from the next turn on. For new sessions: Use a model for new turns.")


async def use_by_default(desk: ActionDesk) -> None:
    """The model of sessions that name none."""
    if chosen := await _model(desk, "Model of new turns that name none"):
        await desk.session.requests.ask("PUT", "/v3/models/default", {"model": chosen})
        desk.say(f"{chosen} is the default model.")


async def _model(desk: ActionDesk, title: str) -> str:
    found = await desk.session.requests.get("/v3/models")
    recent = recent_models(desk.session)
    choices = model_choices(found["models"], desk.session.settings["model"] or found["default"], recent)
    return await desk.pick(title, choices, empty="No model matches. Fetch one: opta models pull OWNER/NAME", recent=recent)


def recent_models(session: Any) -> list[str]:
    """The models of the last turns, the newest first."""
    steps = [step for turn in reversed(session.transcript.turns) for step in reversed(turn.steps)]
    return list(dict.fromkeys(f"{step.provider}/{step.model}" for step in steps))[:RECENT_MAX]


def model_choices(models: list[dict[str, Any]], now: str, recent: list[str]) -> list[Choice]:
    """The recent models, then those of LMX while it is healthy, then those of the others; each under its provider."""
    order = {name: number for number, name in enumerate(recent)}
    listed = sorted(models, key=lambda model: (not model["healthy"], model["provider"] != "lmx"))
    made = [_choice(model, now, "Recent") for model in sorted((m for m in listed if m["id"] in order), key=lambda m: order[m["id"]])]
    return made + [_choice(model, now, _group(model)) for model in listed if model["id"] not in order]


def _group(model: dict[str, Any]) -> str:
    name = "LMX" if model["provider"] == "lmx" else str(model["provider"])
    return f"{name} · {'healthy' if model['healthy'] else 'does not answer'}"


def _choice(model: dict[str, Any], now: str, group: str) -> Choice:
    context = f"{model['contextLimit'] // 1000}k" if model["contextLimit"] else ""
    marks = (
        ["does not answer"] * (not model["healthy"])
        + ["✓ in use"] * (model["id"] == now)
        + ["default"] * bool(model["default"])
        + [model["state"]] * bool(model["state"])
    )
    detail = " · ".join([str(model["provider"]), *marks])
    return Choice(model["id"], str(model["name"]), detail, group=group, hint=context)


async def level(desk: ActionDesk) -> None:
    """Which calls need an answer."""
    words = {
        "L1": "every tool call needs your answer",
        "L2": "reads run; writes and commands by the rules",
        "L3": "writes in the workspace run, too",
    }
    if chosen := await desk.pick("Permission level", [Choice(name, LEVELS[name], text) for name, text in words.items()]):
        await desk.session.change(level=chosen)


async def toggle_mode(desk: ActionDesk) -> None:
    """Chat or Do, from the next turn on. The level of a new session follows its mode."""
    other = "do" if desk.session.settings["mode"] != "do" else "chat"
    await desk.session.change(mode=other)


async def plan_mode(desk: ActionDesk) -> None:
    """Only read, and make a plan."""
    await desk.session.change(mode="plan")


async def trust(desk: ActionDesk) -> None:
    """Trust the folder, after showing what its files ask for."""
    cwd = desk.session.settings["cwd"]
    found = await desk.session.requests.get("/v3/trust", cwd=cwd)
    if not found["needed"]:
        raise Refused(f"{found['path']} needs no trust: its files ask for nothing more.")
    text = "\n".join([found["path"], "", *found["changes"], *found["asks"], "", "What it forbids applies in any case."])
    if await desk.confirm("Trust this folder?", text, "trust it"):
        await desk.session.requests.post("/v3/trust", {"cwd": cwd, "sha256": found["sha256"]})
        desk.say(f"{found['path']} is trusted.")


async def attach(desk: ActionDesk) -> None:
    """Add a file to the next message."""
    if not (name := await desk.words("File to attach", hint="an image or a text file; files of the workspace: @path")):
        return
    try:
        found = await asyncio.to_thread(_read, desk.session.settings["cwd"], name)
    except OSError as error:
        raise Refused(f"{name} cannot be attached: {error.strerror}.") from None
    ids = [await asyncio.to_thread(desk.session.client.another().upload, title, content) for title, content in found]
    desk.attachments.extend((each, title) for each, (title, _) in zip(ids, found, strict=True))
    desk.say(f"Attached: {', '.join(title for _, title in desk.attachments)}")


def _read(cwd: str, name: str) -> list[tuple[str, bytes]]:
    return local_files.read([str(Path(cwd, Path(name).expanduser()))])


async def detach(desk: ActionDesk) -> None:
    """Remove the attached files."""
    desk.attachments.clear()
    desk.say("Nothing is attached.")


async def show_settings(desk: ActionDesk) -> None:
    """Every setting with its value and origin; another value is checked and written to config.toml."""
    while True:
        loaded = settings.load()
        flat = setting_keys.flatten(msgspec.to_builtins(loaded.settings))
        file = str(loaded.paths.config)
        choices = [
            Choice(
                key,
                key,
                _plain(value),
                hint="" if loaded.origins.get(key, file) == "default" else loaded.origins.get(key, file).rpartition("/")[2],
            )
            for key, value in sorted(flat.items(), key=lambda each: (not each[0].startswith("terminal."), each[0]))
        ]
        if not (key := await desk.pick("Settings", choices)):
            return
        value = await desk.words(f"{key}", _plain(flat[key]), "empty: leave it as it is")
        if value and value != _plain(flat[key]):
            settings.write_value(loaded.paths, key, settings.parse_value(key, value, "the value"))
            desk.say(f"{key} = {value}")
            desk.apply_settings(settings.load())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
