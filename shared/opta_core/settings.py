"""Settings, merged once in `__main__`: defaults < config.toml < OPTA_* variables < flags.

This is the only file that reads the environment. Each default is defined here once, beside its reason. An unknown key is refused
with the nearest known name. Secrets are not settings: they are in the vault.
"""

import contextlib
import difflib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from . import config_file
from .errors import Refused
from .paths import Paths, folder_lock, write_whole

LMX_DEFAULT_PORT = 1234


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """A configured provider of models."""

    type: str
    base_url: str
    model: str = ""
    context: int = 0


class PermissionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asking people."""

    # Time to answer a permission question; after it, the call is denied.
    timeout_s: float = 300.0


class DaemonSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Where the daemon listens."""

    port: int = 9999
    ui_port: int = 5173


class LmxSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """The address of LMX, and the models that it serves."""

    # Empty: start LMX on this machine, on loopback.
    host: str = ""
    port: int = LMX_DEFAULT_PORT
    model: str = "probe"
    # Any address except loopback requires TLS, and a key with every request.
    bind: str = "127.0.0.1"
    # Host names that other machines may use, besides the bound address.
    hosts: list[str] = []
    # Advertise this LMX on the local network with mDNS; other machines still have to pair.
    offer: bool = False
    # Aliases of models: "gpt-4o=qwen3-4b".
    aliases: list[str] = []
    # Draft models for speculative decoding: "qwen3-32b=qwen3-0.6b".
    drafts: list[str] = []
    # Models that stay loaded; other models are unloaded after `idle_s` without a request (0: never).
    pinned: list[str] = []
    idle_s: float = 1800.0
    # 0: three quarters of the machine's memory.
    memory_limit_mb: int = 0
    # Size of the prefix store on disk; 0: off.
    prefix_disk_gb: float = 0.0
    # Time for running requests to end when LMX is stopped.
    drain_s: float = 3.0
    # A host file of mlx.launch: the default model is distributed over these machines.
    ring: str = ""
    # Address of a model hub; empty: the default of the hub's library.
    hub: str = ""


class SandboxSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What commands can access. Only the user's configuration sets this, never a project's."""

    # Off: every command needs approval, and is refused when no person can be asked.
    enabled: bool = True
    # off, list (allow-hosts through a proxy) or on. A person can allow network access for one command in its permission question.
    network: str = "off"
    allow_hosts: list[str] = []
    # Files and folders that commands and file tools may read, besides the system and the toolchains in the home.
    read: list[str] = []
    # Unix sockets, for level full only. Off: a command cannot connect to a local server through a socket file in its folders.
    unix_sockets: bool = False
    # Limits of one command with its child processes; 0: no limit. Memory -1: three quarters of the machine's memory.
    memory_mb: int = -1
    processes: int = 4096
    files: int = 65536
    # Total that it may write to the disk, and space that must stay free there.
    disk_mb: int = 65536
    free_mb: int = 512
    # What the /tmp of a session may hold, over all its commands.
    tmp_mb: int = 8192


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
    # When a turn has gone on long enough: model calls, tool calls, and minutes without those in which a person was asked.
    max_steps: int = 200
    max_calls: int = 1000
    max_minutes: float = 90.0
    thinking: bool = False
    log_level: str = "info"
    # Whether an encrypted file may store secrets when there is no keychain.
    vault_file: bool = False
    permissions: PermissionSettings = PermissionSettings()
    daemon: DaemonSettings = DaemonSettings()
    lmx: LmxSettings = LmxSettings()
    sandbox: SandboxSettings = SandboxSettings()
    mcp: McpSettings = McpSettings()
    providers: dict[str, ProviderSettings] = {}


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
}


class LoadedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The merged settings, and the origin of each value (`default`, a file, a variable or a flag)."""

    settings: Settings
    paths: Paths
    origins: dict[str, str]


class LiveSettings:
    """Settings that are read again when config.toml changes. While the file is not valid, the previous settings stay."""

    def __init__(self, first: Settings, paths: Paths):
        self._now, self._paths = first, paths
        self._stamp = self._look()

    def __call__(self) -> Settings:
        """The current settings; costs one stat."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            with contextlib.suppress(Refused):
                self._now = load().settings
        return self._now

    def _look(self) -> object:
        try:
            seen = self._paths.config.stat()
        except OSError:
            return None
        return seen.st_ino, seen.st_mtime_ns, seen.st_size


def home_from_environment(variables: Mapping[str, str] = os.environ) -> Path:
    """`OPTA_HOME`, else the platform's config directory."""
    if home := variables.get("OPTA_HOME"):
        return Path(home).expanduser().absolute()
    if os.name == "nt":
        return Path(variables.get("APPDATA", "~")).expanduser() / "opta"
    return Path("~/.config/opta").expanduser()


def _runtime_from_environment(variables: Mapping[str, str]) -> Path | None:
    """The runtime folder that `opta up` chose for the daemon's processes (`Paths.runtime`)."""
    chosen = variables.get("OPTA_RUNTIME", "") if "SUPERVISOR_ENABLED" in variables else ""
    return Path(chosen) if chosen else None


def environment() -> dict[str, str]:
    """The environment of this process. Commands that it starts get an allow-list of it."""
    return dict(os.environ)


def unrestricted_from_environment() -> bool:
    """Whether OPTA_POLICY asks for unrestricted sessions."""
    return os.environ.get("OPTA_POLICY") == "unrestricted"


def load(flags: dict[str, Any] | None = None, variables: Mapping[str, str] = os.environ) -> LoadedSettings:
    """Merge all layers. `variables` is the environment. Raises Refused, which names the file, the key and the fix."""
    paths = Paths(home_from_environment(variables), _runtime_from_environment(variables))
    known = known_keys()
    origins = dict.fromkeys(known, "default")
    merged: dict[str, Any] = {}
    for key, value in _flatten(read_config(paths.config)).items():
        check_key(key, str(paths.config))
        _put(merged, key, value)
        origins[key] = str(paths.config)
    for variable, key in ENVIRONMENT.items():
        if variable in variables:
            _put(merged, key, parse_value(key, variables[variable], variable))
            origins[key] = variable
    for key, value in (flags or {}).items():
        _put(merged, key, value)
        origins[key] = "flag"
    try:
        settings = msgspec.convert(merged, Settings)
    except msgspec.ValidationError as error:
        raise Refused(f"The settings are not valid: {error}. Sources: {paths.config} and OPTA_* variables.") from error
    _check_values(settings)
    return LoadedSettings(settings=settings, paths=paths, origins=origins)


def _check_values(settings: Settings) -> None:
    for key, port in (("daemon.port", settings.daemon.port), ("daemon.ui-port", settings.daemon.ui_port), ("lmx.port", settings.lmx.port)):
        if not 0 <= port <= 65535:
            raise Refused(f"{key} is {port}; it must be from 1 to 65535, or 0 for any free port.")
    if settings.sandbox.network not in ("off", "list", "on"):
        raise Refused(f"sandbox.network is {settings.sandbox.network!r}; it must be one of off, list, on.")
    _check_sandbox(settings.sandbox)
    if not 0 < settings.permissions.timeout_s <= 7 * 86_400:
        raise Refused(f"permissions.timeout_s is {settings.permissions.timeout_s}; it must be more than 0 and at most a week.")
    if settings.max_steps < 1:
        raise Refused(f"max-steps is {settings.max_steps}; a turn needs at least 1 step.")
    if settings.log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise Refused(f"log-level is {settings.log_level!r}; it must be one of debug, info, warning, error.")
    _check_lmx(settings.lmx)
    for name, server in settings.mcp.servers.items():
        if bool(server.command) == bool(server.url):
            raise Refused(f"MCP server {name} needs either a command or a url.")
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]|_(?!_)){0,31}", name):
            raise Refused(f"MCP server {name!r}: a name has 1 to 32 letters, digits, - and single _ characters.")
    for name, provider in settings.providers.items():
        if provider.context < 0:
            raise Refused(f"Provider {name} has context {provider.context}; it must be a number of tokens (0: unknown).")
        if provider.type not in ("openai", "lmx"):
            raise Refused(f"Provider {name} has type {provider.type!r}; it must be openai (any OpenAI-compatible server) or lmx.")


def _check_sandbox(sandbox: SandboxSettings) -> None:
    for path in sandbox.read:
        if not path.startswith(("/", "~/")) or path.rstrip("/") in ("", "~") or "\0" in path or ".." in path.split("/"):
            raise Refused(f"sandbox.read has {path[:200]!r}; each entry must be a file or folder, absolute or below ~/, not a whole home.")
    numbers = {"processes": sandbox.processes, "files": sandbox.files, "disk-mb": sandbox.disk_mb, "free-mb": sandbox.free_mb}
    numbers["tmp-mb"] = sandbox.tmp_mb
    if bad := next((key for key, number in numbers.items() if not 0 <= number < 1e9), None):
        raise Refused(f"sandbox.{bad} is {numbers[bad]}; it must be 0 (no limit) or more.")
    if not -1 <= sandbox.memory_mb < 1e9:
        raise Refused(
            f"sandbox.memory-mb is {sandbox.memory_mb}; it must be 0 (no limit) or more, or -1 for three quarters of the machine's memory."
        )


def _check_lmx(lmx: LmxSettings) -> None:
    try:
        ipaddress.ip_address(lmx.bind)
    except ValueError:
        raise Refused(f"lmx.bind is {lmx.bind!r}; it must be an address of this machine, such as 127.0.0.1 or 0.0.0.0.") from None
    for key, pairs in (("lmx.aliases", lmx.aliases), ("lmx.drafts", lmx.drafts)):
        if bad := next((pair for pair in pairs if not re.fullmatch(r"[^=]+=[^=]+", pair)), None):
            raise Refused(f"{key} has {bad!r}; each entry must be two names of models, as in one=other.")
    numbers = {"memory-limit-mb": lmx.memory_limit_mb, "idle-s": lmx.idle_s, "prefix-disk-gb": lmx.prefix_disk_gb, "drain-s": lmx.drain_s}
    if bad := next((key for key, number in numbers.items() if not 0 <= number < 1e9), None):
        raise Refused(f"lmx.{bad} is {numbers[bad]}; it must be 0 or more.")


def read_config(file: Path) -> dict[str, Any]:
    """The TOML of `file`; {} when it is missing. Raises Refused, which names the line."""
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise Refused(f"{file} is nested too deeply. Correct it, or move the file away.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{file} is not valid TOML: {error}. Correct that line, or move the file away.") from error


def known_keys() -> list[str]:
    """Every key that may be set, with dots (without `providers.NAME.…`)."""
    return list(_flatten(msgspec.to_builtins(Settings())))


def check_key(key: str, source: str) -> None:
    """Check that a key is known. Raises Refused with the nearest known name."""
    if re.fullmatch(r"mcp\.servers\.[A-Za-z0-9_-]+\.(command|args|env\.\w+|url|network)", key):
        return
    if re.fullmatch(r"providers\.[A-Za-z0-9_-]+\.(type|base-url|model|context)", key) or key in known_keys():
        return
    near = difflib.get_close_matches(key, known_keys(), 1, 0.5)
    hint = f" Did you mean {near[0]!r}?" if near else " `opta config list` shows the known keys."
    raise Refused(f"Unknown key {key!r} in {source}.{hint}")


def parse_value(key: str, text: str, source: str) -> Any:
    """Convert `text` to the type of `key`. Raises Refused."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(f"{source} for {key} is not valid UTF-8.") from None
    default = _flatten(msgspec.to_builtins(Settings())).get(key, "")
    if key.endswith(".context"):
        default = 0
    try:
        if isinstance(default, list):
            return [word for word in text.replace(",", " ").split() if word]
        if isinstance(default, bool):
            if text.lower() not in ("true", "false", "1", "0", "on", "off"):
                raise ValueError
            return text.lower() in ("true", "1", "on")
        if isinstance(default, (int, float)):
            return type(default)(text)
    except ValueError:
        kind = "true or false" if isinstance(default, bool) else "a number"
        raise Refused(f"{source} is {text!r}, but {key} takes {kind}.") from None
    return text


def write_value(paths: Paths, key: str, value: Any) -> None:
    """Set one key in config.toml; comments and all other keys stay. Raises Refused; nothing is written then."""
    check_key(key, "the command")
    _change(paths, key.split("."), value, f"{key} = {value!r}")


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            flat[prefix + key] = value
    return flat


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    tree[last] = value


def write_server(paths: Paths, name: str, server: dict[str, Any] | None) -> bool:
    """Set an MCP server in config.toml, or remove it (None). Returns False when there was none to remove. Raises Refused."""
    known = read_config(paths.config).get("mcp", {}).get("servers", {})
    if server is None and name not in known:
        return False
    _change(paths, ["mcp", "servers", name], server, f"MCP server {name}")
    return True


def write_provider(paths: Paths, name: str, provider: dict[str, Any]) -> None:
    """Set a provider in config.toml, replacing all its keys. Raises Refused; nothing is written then."""
    _change(paths, ["providers", name], provider, f"Provider {name}")


def _change(paths: Paths, path: list[str], value: Any, what: str) -> None:
    """Change one entry of config.toml. The settings are checked as a whole before the write."""
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
