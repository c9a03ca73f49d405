"""How other clients are pointed at LMX: for each one, its configuration file, the values to set there, and what a person has to know.

No key is written into a file: where LMX needs one, the client reads it from the environment variable `KEY_VARIABLE`.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from opta_core.errors import Refused

from . import json_edit

KEY_VARIABLE = "LMX_API_KEY"
# Clients insist on some key; LMX on loopback ignores it.
_NO_KEY = "none"


class LmxTarget(msgspec.Struct, frozen=True, kw_only=True):
    """The LMX and the model to use. `root`: its address without a path; `certificate`: a file, where it has one of its own."""

    root: str
    model: str
    context: int
    needs_key: bool = False
    certificate: str = ""


class ClientConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One client's configuration. `snippet`: what is set; `edit`: the text of the file -> the text with it, or raises Refused."""

    file: Path
    snippet: str
    edit: Callable[[str], str]
    notes: list[str] = []


def config_of(client: str, target: LmxTarget, home: Path, environment: Mapping[str, str]) -> ClientConfig:
    """The configuration of a client. `home`: the person's home directory."""
    return CLIENTS[client](target, home, environment)


def _claude(target: LmxTarget, home: Path, environment: Mapping[str, str]) -> ClientConfig:
    names = ("ANTHROPIC_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL", "ANTHROPIC_DEFAULT_SONNET_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL")
    values: dict[tuple[str, ...], Any] = {("env", "ANTHROPIC_BASE_URL"): target.root, **{("env", name): target.model for name in names}}
    if target.needs_key:
        values["apiKeyHelper",] = f"printenv {KEY_VARIABLE}"
    else:
        values["env", "ANTHROPIC_AUTH_TOKEN"] = _NO_KEY
    folder = _folder(environment, "CLAUDE_CONFIG_DIR", home / ".claude")
    return _json(folder / "settings.json", values, ["Claude Code uses LMX in every project from its next start on."])


def _codex(target: LmxTarget, home: Path, environment: Mapping[str, str]) -> ClientConfig:
    provider = {"name": "LMX", "base_url": f"{target.root}/v1", "wire_api": "responses"}
    if target.needs_key:
        provider["env_key"] = KEY_VARIABLE
    top: dict[str, Any] = {"model": target.model, "model_provider": "lmx", "model_context_window": target.context}
    folder = _folder(environment, "CODEX_HOME", home / ".codex")
    return ClientConfig(
        file=folder / "config.toml",
        snippet=f"{_toml(top)}\n[model_providers.lmx]\n{_toml(provider)}",
        edit=lambda text: _with_codex(text, top, provider),
    )


def _opencode(target: LmxTarget, home: Path, environment: Mapping[str, str]) -> ClientConfig:
    limit = {"context": target.context, "output": max(1024, min(target.context // 4, 32_000))}
    options = {"baseURL": f"{target.root}/v1"} | ({"apiKey": f"{{env:{KEY_VARIABLE}}}"} if target.needs_key else {})
    provider = ("provider", "lmx")
    values: dict[tuple[str, ...], Any] = {
        (*provider, "npm"): "@ai-sdk/openai-compatible",
        (*provider, "name"): "LMX",
        (*provider, "options"): options,
        (*provider, "models", target.model): {"name": target.model, "limit": limit},
        ("model",): f"lmx/{target.model}",
    }
    folder = _folder(environment, "XDG_CONFIG_HOME", home / ".config") / "opencode"
    file = next((folder / name for name in ("opencode.jsonc", "opencode.json") if (folder / name).exists()), folder / "opencode.json")
    return _json(file, values, [])


def _pi(target: LmxTarget, home: Path, environment: Mapping[str, str]) -> ClientConfig:
    model = {
        "id": target.model, "name": target.model, "reasoning": False, "input": ["text"], "contextWindow": target.context,
        "maxTokens": max(1024, min(target.context // 4, 32_000)), "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
    }  # fmt: skip
    key = KEY_VARIABLE if target.needs_key else _NO_KEY
    provider = {"baseUrl": f"{target.root}/v1", "api": "openai-completions", "apiKey": key, "models": [model]}
    folder = _folder(environment, "PI_CODING_AGENT_DIR", home / ".pi/agent")
    return _json(folder / "models.json", {("providers", "lmx"): provider}, [f"Start it with: pi --provider lmx --model {target.model}"])


def _zed(target: LmxTarget, home: Path, environment: Mapping[str, str]) -> ClientConfig:
    # Its provider for LM Studio needs no list of models: it reads /api/v0/models.
    values: dict[tuple[str, ...], Any] = {
        ("language_models", "lmstudio", "api_url"): f"{target.root}/api/v0",
        ("agent", "default_model"): {"provider": "lmstudio", "model": target.model},
    }
    notes = ["Zed shows LMX as its provider LM Studio."]
    if target.needs_key:
        notes.append(f'Zed reads the key from LMSTUDIO_API_KEY: start it with LMSTUDIO_API_KEY="${KEY_VARIABLE}"')
    return _json(_folder(environment, "XDG_CONFIG_HOME", home / ".config") / "zed/settings.json", values, notes)


def _continue(target: LmxTarget, home: Path, environment: Mapping[str, str]) -> ClientConfig:
    entry: dict[str, Any] = {
        "name": f"LMX {target.model}",
        "provider": "openai",
        "model": target.model,
        "apiBase": f"{target.root}/v1",
        "apiKey": f"${{{{ secrets.{KEY_VARIABLE} }}}}" if target.needs_key else _NO_KEY,
        "roles": ["chat", "edit", "apply", "summarize"],
        "defaultCompletionOptions": {"contextLength": target.context},
    }
    folder = _folder(environment, "CONTINUE_GLOBAL_DIR", home / ".continue")
    notes = [f"Continue reads the key from {folder / '.env'}: {KEY_VARIABLE}=…"] if target.needs_key else []
    return ClientConfig(
        file=folder / "config.yaml",
        snippet=_yaml({"models": [entry]}),
        edit=lambda text: _with_continue(text, entry),
        notes=notes,
    )


CLIENTS: dict[str, Callable[[LmxTarget, Path, Mapping[str, str]], ClientConfig]] = {
    "claude": _claude,
    "codex": _codex,
    "opencode": _opencode,
    "pi": _pi,
    "zed": _zed,
    "continue": _continue,
}


def _folder(environment: Mapping[str, str], variable: str, otherwise: Path) -> Path:
    given = environment.get(variable, "")
    return Path(given) if given.startswith("/") else otherwise


def _json(file: Path, values: dict[tuple[str, ...], Any], notes: list[str]) -> ClientConfig:
    snippet = json.dumps(json_edit.nested(values), indent=2, ensure_ascii=False) + "\n"
    return ClientConfig(file=file, snippet=snippet, edit=lambda text: json_edit.with_values(text, values), notes=notes)


# TOML ---------------------------------------------------------------------------------------------------------


def _toml(values: dict[str, Any]) -> str:
    return "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())


def _with_codex(text: str, top: dict[str, Any], provider: dict[str, Any]) -> str:
    """codex's configuration with these values. Raises Refused: it is not TOML, or other values would change."""
    try:
        known = tomllib.loads(text)
        expected = {**known, **top, "model_providers": {**known.get("model_providers", {}), "lmx": provider}}
        changed = _with_table(_with_top(text, top), provider)
        if tomllib.loads(changed) != expected:
            raise Refused("it cannot be changed without touching other values")
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise Refused(f"it is not valid TOML ({error})") from error
    return changed


def _with_top(text: str, top: dict[str, Any]) -> str:
    """The text with these values before its first table."""
    first = re.search(r"^[ \t]*\[", text, re.MULTILINE)
    head, tail = (text[: first.start()], text[first.start() :]) if first else (text, "")
    for name, value in reversed(top.items()):
        line = _toml({name: value})
        changed, count = re.subn(rf"^[ \t]*{name}[ \t]*=.*\n?", lambda _, line=line: line, head, count=1, flags=re.MULTILINE)
        head = changed if count else line + head
    return head + tail


def _with_table(text: str, provider: dict[str, Any]) -> str:
    """The text with this table of the provider, in the place of an earlier one."""
    table = f"[model_providers.lmx]\n{_toml(provider)}"
    found = re.search(r'^[ \t]*\[\s*model_providers\s*\.\s*"?lmx"?\s*\][^\n]*\n(?:(?![ \t]*\[).*(?:\n|\Z))*', text, re.MULTILINE)
    if found is None:
        return f"{text.rstrip()}\n\n{table}" if text.strip() else table
    rest = text[found.end() :]
    return text[: found.start()] + table + ("\n" + rest if rest else "")


# YAML ---------------------------------------------------------------------------------------------------------


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False)


def _with_continue(text: str, entry: dict[str, Any]) -> str:
    """Continue's configuration with this model first. Raises Refused: it is not YAML, or other values would change."""
    if not text.strip():
        return _yaml({"name": "My models", "version": "1.0.0", "schema": "v1", "models": [entry]})
    try:
        known: Any = yaml.safe_load(text)
        models: list[Any] = known.get("models") or []
        if entry in models:
            return text
        if any(model["name"] == entry["name"] for model in models):
            raise Refused(f"it has another model named {entry['name']!r}")
        changed = _with_model(text, entry)
        if yaml.safe_load(changed) != {**known, "models": [entry, *models]}:
            raise Refused("it cannot be changed without touching other values")
    except (yaml.YAMLError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise Refused(f"it is not the YAML of a configuration of Continue ({str(error)[:200]})") from error
    return changed


def _with_model(text: str, entry: dict[str, Any]) -> str:
    heading = re.search(r"^models:[ \t]*(?:\[[ \t]*\][ \t]*)?(#[^\n]*)?\n?", text, re.MULTILINE)
    if heading is None:
        return f"{text.rstrip()}\n{_yaml({'models': [entry]})}"
    item = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*([ \t]*)- ").match(text, heading.end())
    margin = item.group(1) if item else ""
    lines = "".join(f"{margin}{line}\n" for line in _yaml([entry]).splitlines())
    return f"{text[: heading.start()]}models:\n{lines}{text[heading.end() :]}"
