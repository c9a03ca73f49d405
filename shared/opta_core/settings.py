"""Settings, merged once in `__main__`: defaults < config.toml < OPTA_* variables < flags.

This is the only file that reads the environment. Each default is defined here once, beside its reason. An unknown key is refused
with the nearest known name. Secrets are not settings: they are in the vault.
"""

import contextlib
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from . import config_file, setting_keys
from .agent_settings import AgentSettings, check_agents
from .diagnostics_settings import DiagnosticsSettings, check_diagnostics
from .errors import Refused
from .home import home_from_environment, runtime_from_environment
from .hook_settings import HookSettings, check_hooks
from .lmx_settings import LmxSettings, check_lmx
from .notify_settings import NotifySettings, check_notify
from .otel_settings import OtelSettings, check_otel
from .paths import Paths, folder_lock, write_whole
from .provider_settings import LEVELS, ModelSettings, ProviderSettings, ThinkingLevel, check_budget, check_models, check_providers
from .sandbox_settings import SandboxSettings, check_sandbox
from .terminal_settings import TerminalSettings
from .web_settings import WebSettings


class PermissionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asking people."""

    # Time to answer a permission question; after it, the call is denied.
    timeout_s: float = 300.0


class DaemonSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Where the daemon listens."""

    port: int = 9999
    ui_port: int = 5173


class McpServerSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """An MCP server of the user: a program or an address."""

    command: str = ""
    args: list[str] = []
    env: dict[str, str] = {}
    url: str = ""
    # Whether the server's sandbox has network access.
    network: bool = False


class McpSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """MCP servers, and the built-in browser."""

    # The browser: opta_browser over Playwright.
    peekaboo: bool = False
    # Whether Peekaboo may open pages of this machine and of the local network.
    browser_local: bool = False
    servers: dict[str, McpServerSettings] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """All settings. Keys keep the product's spelling."""

    default_model: str = "lmx/probe"
    # When a turn has gone on long enough: model calls, tool calls, minutes without those in which a person was waited for, and tokens that
    # models read and wrote (0: no limit).
    max_steps: int = 200
    max_calls: int = 1000
    max_minutes: float = 90.0
    max_turn_tokens: int = 0
    # Whether models think before they answer: auto (as the model does by itself), off, on, low, medium or high. `true` is on, `false` is off.
    thinking: ThinkingLevel | bool = "auto"
    # Tokens that a model may think in one turn; 0: no limit of ours.
    thinking_budget: int = 0
    log_level: str = "info"
    # Whether an encrypted file may store secrets when there is no keychain.
    vault_file: bool = False
    permissions: PermissionSettings = PermissionSettings()
    daemon: DaemonSettings = DaemonSettings()
    lmx: LmxSettings = LmxSettings()
    sandbox: SandboxSettings = SandboxSettings()
    mcp: McpSettings = McpSettings()
    notify: NotifySettings = NotifySettings()
    terminal: TerminalSettings = TerminalSettings()
    agents: AgentSettings = AgentSettings()
    web: WebSettings = WebSettings()
    diagnostics: DiagnosticsSettings = DiagnosticsSettings()
    otel: OtelSettings = OtelSettings()
    # Programs that judge calls before they run, follow them, or look at the end of a turn.
    hooks: list[HookSettings] = []
    providers: dict[str, ProviderSettings] = {}
    # Names of providers in the order in which turns fall back to them; the others follow in the order of the file.
    provider_order: list[str] = []
    # What is set for a model: `models."ollama/qwen3:8b".temperature`.
    models: dict[str, ModelSettings] = {}
    # Other names of models: `aliases.fast = "ollama/qwen3:8b"`.
    aliases: dict[str, str] = {}


# A turn may take a week.
MINUTES_MAX = 7 * 24 * 60
# Environment variable -> config key.
ENVIRONMENT = {
    "OPTA_DEFAULT_MODEL": "default-model",
    "OPTA_MAX_STEPS": "max-steps",
    "OPTA_LOG_LEVEL": "log-level",
    "OPTA_DAEMON_PORT": "daemon.port",
    "OPTA_UI_PORT": "daemon.ui-port",
    "OPTA_LMX_PORT": "lmx.port",
    "OPTA_LMX_HOST": "lmx.host",
    "OPTA_LMX_MODEL": "lmx.model",
    "OPTA_LMX_OTHER_MODELS": "lmx.other-models",
}


class LoadedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The merged settings, and the origin of each value (`default`, a file, a variable or a flag)."""

    settings: Settings
    paths: Paths
    origins: dict[str, str]


class LiveSettings:
    """Settings that are read again when config.toml changes. While the file is not valid, the previous settings stay."""

    def __init__(self, first: Settings, paths: Paths):
        self._now, self._paths, self._file = first, paths, str(paths.config)
        self._stamp = self._look()

    def __call__(self) -> Settings:
        """The current settings; costs one stat."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            with contextlib.suppress(Refused, OSError):
                self._now = load_home(self._paths).settings
        return self._now

    def _look(self) -> object:
        try:
            seen = os.stat(self._file)  # noqa: PTH116 - each turn looks several times; a Path costs more than the system call
        except OSError:
            return None
        return seen.st_ino, seen.st_mtime_ns, seen.st_size


def environment() -> dict[str, str]:
    """The environment of this process. Commands that it starts get an allow-list of it."""
    return dict(os.environ)


def unrestricted_from_environment() -> bool:
    """Whether OPTA_POLICY asks for unrestricted sessions."""
    return os.environ.get("OPTA_POLICY") == "unrestricted"


# msgspec (0.22) ends the process when two threads meet a class for the first time in the same moment.
_CONVERTING = threading.Lock()


def load(flags: dict[str, Any] | None = None, variables: Mapping[str, str] = os.environ) -> LoadedSettings:
    """Merge all layers. `variables` is the environment. Raises Refused, which names the file, the key and the fix."""
    paths = Paths(home_from_environment(variables), runtime_from_environment(variables))
    known = known_keys()
    origins = dict.fromkeys(known, "default")
    merged: dict[str, Any] = {}
    for key, value in setting_keys.flatten(read_config(paths.config)).items():
        check_key(key, str(paths.config))
        setting_keys.put(merged, key, value)
        origins[key] = str(paths.config)
    for variable, key in ENVIRONMENT.items():
        if variable in variables:
            setting_keys.put(merged, key, parse_value(key, variables[variable], variable))
            origins[key] = variable
    for key, value in (flags or {}).items():
        setting_keys.put(merged, key, value)
        origins[key] = "flag"
    try:
        with _CONVERTING:
            settings = msgspec.convert(merged, Settings)
    except msgspec.ValidationError as error:
        raise Refused(f"The settings are not valid: {error}. Sources: {paths.config} and OPTA_* variables.") from error
    _check_values(settings)
    return LoadedSettings(settings=_in_order(settings), paths=paths, origins=origins)


def load_home(paths: Paths) -> LoadedSettings:
    """The settings of a home as its file and this process's environment are now. Raises Refused."""
    return load(variables={**os.environ, "OPTA_HOME": str(paths.home)})


def _in_order(settings: Settings) -> Settings:
    """The same with the providers in the order that the user chose; names that are no provider are skipped."""
    if not settings.provider_order:
        return settings
    names = dict.fromkeys([*(name for name in settings.provider_order if name in settings.providers), *settings.providers])
    return msgspec.structs.replace(settings, providers={name: settings.providers[name] for name in names})


def _check_values(settings: Settings) -> None:
    ports = {"daemon.port": settings.daemon.port, "daemon.ui-port": settings.daemon.ui_port, "lmx.port": settings.lmx.port}
    for key, port in ports.items():
        if not 0 <= port <= 65535:
            raise Refused(f"{key} is {port}; it must be from 1 to 65535, or 0 for any free port.")
        if equal := next((other for other in ports if other != key and port and ports[other] == port), ""):
            raise Refused(f"{key} and {equal} are both {port}; each needs a port of its own.")
    check_sandbox(settings.sandbox)
    if not 0 < settings.permissions.timeout_s <= 7 * 86_400:
        raise Refused(f"permissions.timeout_s is {settings.permissions.timeout_s}; it must be more than 0 and at most a week.")
    if settings.max_steps < 1:
        raise Refused(f"max-steps is {settings.max_steps}; a turn needs at least 1 step.")
    if settings.max_calls < 1:
        raise Refused(f"max-calls is {settings.max_calls}; a turn needs at least 1 call.")
    if not 0 < settings.max_minutes <= MINUTES_MAX:
        raise Refused(f"max-minutes is {settings.max_minutes}; it must be more than 0 and at most {MINUTES_MAX} (a week).")
    if settings.max_turn_tokens < 0:
        raise Refused(f"max-turn-tokens is {settings.max_turn_tokens}; it must not be negative (0: no limit).")
    if settings.log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise Refused(f"log-level is {settings.log_level!r}; it must be one of debug, info, warning, error.")
    check_lmx(settings.lmx)
    check_notify(settings.notify)
    check_agents(settings.agents)
    check_diagnostics(settings.diagnostics)
    check_hooks(settings.hooks)
    check_otel(settings.otel)
    for name, server in settings.mcp.servers.items():
        if bool(server.command) == bool(server.url):
            raise Refused(f"MCP server {name} needs either a command or a url.")
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]|_(?!_)){0,31}", name):
            raise Refused(f"MCP server {name!r}: a name has 1 to 32 letters, digits, - and single _ characters.")
    check_providers(settings.providers)
    check_models(settings.models)
    check_budget(settings.thinking_budget, "thinking-budget")
    for name, model in settings.aliases.items():
        if not model or model in settings.aliases:
            raise Refused(f"aliases.{name} is {model!r}; it must be the name of a model, such as lmx/probe, and no other alias.")


def read_config(file: Path) -> dict[str, Any]:
    """The TOML of `file`; {} when it is missing. Raises Refused, which names the line."""
    try:
        text = file.read_text()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise Refused(f"{file} is not UTF-8 text: {error}. Correct it, or move the file away.") from error
    # Imported late: most homes have no such file, and most commands do not read it.
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Refused(f"{file} is nested too deeply. Correct it, or move the file away.") from None
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"{file} is not valid TOML: {error}. Correct that line, or move the file away.") from error


def known_keys() -> list[str]:
    """Every key that may be set, with dots (without `providers.NAME.…`)."""
    return list(setting_keys.flatten(msgspec.to_builtins(Settings())))


def check_key(key: str, source: str) -> None:
    """Check that a key is known. Raises Refused with the nearest known name."""
    setting_keys.check(key, source, known_keys())


def parse_value(key: str, text: str, source: str) -> Any:
    """Convert `text` to the type of `key`. Raises Refused."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(f"{source} for {key} is not valid UTF-8.") from None
    kind = setting_keys.named_type(key)
    if kind is not None:
        return _converted(key, text, kind, source)
    default = setting_keys.flatten(msgspec.to_builtins(Settings())).get(key, "")
    if key == "thinking":
        return _converted(key, text, ThinkingLevel | bool, source)
    try:
        if isinstance(default, list):
            return _words(text)
        if isinstance(default, bool):
            if text.lower() not in ("true", "false", "1", "0", "on", "off"):
                raise ValueError
            return text.lower() in ("true", "1", "on")
        if isinstance(default, (int, float)):
            number = type(default)(text)
            if not abs(number) < float("inf"):  # neither nan nor infinite
                raise ValueError
            return number
    except ValueError:
        kind = (
            "true or false"
            if isinstance(default, bool)
            else 'a list, as ["one", "two"] or one,two'
            if isinstance(default, list)
            else "a number"
        )
        raise Refused(f"{source} is {text!r}, but {key} takes {kind}.") from None
    return text


def _words(text: str) -> list[str]:
    """A list as config.toml writes it, or words with spaces or commas between them. Raises ValueError."""
    if not text.lstrip().startswith("["):
        return [word for word in text.replace(",", " ").split() if word]
    import tomllib

    try:
        return msgspec.convert(tomllib.loads(f"words = {text}"), dict[str, list[str]])["words"]
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, KeyError, RecursionError) as error:
        raise ValueError(text) from error


def _converted(key: str, text: str, kind: Any, source: str) -> Any:
    """Convert `text` to a type; `on` and `off` are `true` and `false` where no level is meant."""
    words = text.lower() if ThinkingLevel in get_args(kind) or kind is bool else text
    if kind is bool:
        words = {"on": "true", "off": "false"}.get(words, words)
    try:
        return msgspec.convert(words, kind, strict=False) if kind is not str else text
    except msgspec.ValidationError:
        allowed = f"one of {', '.join(LEVELS)}" if ThinkingLevel in get_args(kind) else "true or false" if kind is bool else "a number"
        raise Refused(f"{source} is {text[:200]!r}, but {key} takes {allowed}.") from None


def write_value(paths: Paths, key: str, value: Any) -> None:
    """Set one key in config.toml; comments and all other keys stay. Raises Refused; nothing is written then."""
    check_key(key, "the command")
    _change(paths, setting_keys.split(key), value, f"{key} = {value!r}")


def remove_value(paths: Paths, key: str) -> bool:
    """Remove one key from config.toml, so that its default applies. Returns False when the file does not have it. Raises Refused."""
    check_key(key, "the command")
    if key not in setting_keys.flatten(read_config(paths.config)):
        return False
    _change(paths, setting_keys.split(key), None, key)
    return True


def write_server(paths: Paths, name: str, server: dict[str, Any] | None) -> bool:
    """Set an MCP server in config.toml, or remove it (None). Returns False when there was none to remove. Raises Refused."""
    known = read_config(paths.config).get("mcp", {}).get("servers", {})
    if server is None and name not in known:
        return False
    _change(paths, ["mcp", "servers", name], server, f"MCP server {name}")
    return True


def write_provider(paths: Paths, name: str, provider: dict[str, Any] | None) -> bool:
    """Set a provider in config.toml, replacing all its keys, or remove it (None). Returns False when there was none to remove.

    Raises Refused; nothing is written then.
    """
    if provider is None and name not in read_config(paths.config).get("providers", {}):
        return False
    _change(paths, ["providers", name], provider, f"Provider {name}")
    return True


def _change(paths: Paths, path: list[str], value: Any, what: str) -> None:
    """Change one entry of config.toml. The settings are checked as a whole before the write."""
    import tomllib

    with folder_lock(paths.config.parent):
        # Raises for a file that is not TOML, with the line.
        read_config(paths.config)
        # Not `read_text`, which would convert the line endings of another system.
        text = paths.config.read_bytes().decode() if paths.config.exists() else ""
        changed = config_file.with_entry(text, path, value)
        try:
            _check_values(msgspec.convert(tomllib.loads(changed), Settings))
        except msgspec.ValidationError as error:
            raise Refused(f"{what} is not valid: {error}.") from error
        write_whole(paths.config, changed.encode())
