"""Settings, merged once in `__main__`: defaults < config.toml < OPTA_* < flags.

The only file that reads the environment. A default stands here once, beside its reason. Unknown keys
are refused with the nearest known name. Secrets are not settings: they live in the vault.
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
    """A configured way to reach models."""

    type: str
    base_url: str
    model: str = ""
    context: int = 0


class PermissionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asking people."""

    # Long enough to fetch a coffee; then the answer is no.
    timeout_s: float = 300.0


class DaemonSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Where the daemon listens."""

    port: int = 9999
    ui_port: int = 5173


class LmxSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Where LMX is, and what it serves."""

    # Empty: LMX is started here, on loopback.
    host: str = ""
    port: int = LMX_DEFAULT_PORT
    model: str = "probe"
    # Any other address than loopback demands a key of every request, and TLS.
    bind: str = "127.0.0.1"
    # Names under which other machines may call it, besides the address it is bound to.
    hosts: list[str] = []
    # Offer this LMX on the local network by mDNS; others still have to pair.
    offer: bool = False
    # Other names of models: "gpt-4o=qwen3-4b".
    aliases: list[str] = []
    # Small models that propose tokens for large ones: "qwen3-32b=qwen3-0.6b".
    drafts: list[str] = []
    # Models that stay loaded; the others are put away when nobody asked for them for so long (0: never).
    pinned: list[str] = []
    idle_s: float = 1800.0
    # 0: three quarters of the machine's memory.
    memory_limit_mb: int = 0
    # What is kept on disk of earlier prompts; 0: nothing.
    prefix_disk_gb: float = 0.0
    # What is under way when LMX is asked to stop has so long to end.
    drain_s: float = 3.0
    # A host file of mlx.launch: the default model is spread over these machines.
    ring: str = ""
    # A model hub's address; empty: the one its library knows.
    hub: str = ""


class SandboxSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What commands can reach. Only the user's own configuration sets this, never a project's."""

    # Off: every command asks, and is refused when nobody can be asked.
    enabled: bool = True
    # off, list (allow-hosts through a proxy) or on. A command that people run for the network can be allowed it when it asks.
    network: str = "off"
    allow_hosts: list[str] = []
    # Besides the system and the toolchains of the home: files and folders that commands and file tools may read.
    read: list[str] = []
    # Unix sockets, for level full alone. Off: no command reaches a server of this machine through a file that its folders hold.
    unix_sockets: bool = False
    # Of one command with everything that it starts; 0: no limit. Memory: three quarters of the machine's unless set.
    memory_mb: int = -1
    processes: int = 4096
    files: int = 65536
    # What it may write to the disk in all, and what it leaves free there.
    disk_mb: int = 65536
    free_mb: int = 512


class McpServerSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """An MCP server of the user's own: a program or an address."""

    command: str = ""
    args: list[str] = []
    env: dict[str, str] = {}
    url: str = ""
    # Servers run contained; this one may reach the network.
    network: bool = False


class McpSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Tools from elsewhere."""

    # The browser: opta_browser over Playwright.
    peekaboo: bool = False
    # Peekaboo may open pages of this machine and of the local network.
    browser_local: bool = False
    servers: dict[str, McpServerSettings] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Everything a person can set; keys keep the product's spellings."""

    default_model: str = "lmx/probe"
    # When a turn has gone on long enough: model calls, tool calls, and minutes without those in which a person was asked.
    max_steps: int = 200
    max_calls: int = 1000
    max_minutes: float = 90.0
    thinking: bool = False
    log_level: str = "info"
    # Whether an encrypted file may keep secrets where there is no keychain.
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
    """Settings, and where each value came from (`default`, a file, a variable or a flag)."""

    settings: Settings
    paths: Paths
    origins: dict[str, str]


class Fresh:
    """Settings that are read again when config.toml changes; a file that cannot be used leaves the former ones."""

    def __init__(self, first: Settings, paths: Paths):
        self._now, self._paths = first, paths
        self._stamp = self._look()

    def __call__(self) -> Settings:
        """The settings of now; costs a stat."""
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


def _ground_from_environment(variables: Mapping[str, str]) -> Path | None:
    """What `opta up` chose for the daemon's processes (`Paths.ground`)."""
    chosen = variables.get("OPTA_GROUND", "") if "SUPERVISOR_ENABLED" in variables else ""
    return Path(chosen) if chosen else None


def environment() -> dict[str, str]:
    """What this process inherited, for commands that it starts: they get an allow-list of it."""
    return dict(os.environ)


def unrestricted_from_environment() -> bool:
    """Whether the user asked, for this command, that sessions be unrestricted."""
    return os.environ.get("OPTA_POLICY") == "unrestricted"


def load(flags: dict[str, Any] | None = None, variables: Mapping[str, str] = os.environ) -> LoadedSettings:
    """Merge all layers; `variables` are those of the environment. Raises Refused with file, key and mend."""
    paths = Paths(home_from_environment(variables), _ground_from_environment(variables))
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
        raise Refused(f"Settings are not usable: {error}. Sources: {paths.config} and OPTA_* variables.") from error
    _check_values(settings)
    return LoadedSettings(settings=settings, paths=paths, origins=origins)


def _check_values(settings: Settings) -> None:
    for key, port in (("daemon.port", settings.daemon.port), ("daemon.ui-port", settings.daemon.ui_port), ("lmx.port", settings.lmx.port)):
        if not 0 <= port <= 65535:
            raise Refused(f"{key} is {port}, but ports go from 1 to 65535 (0 = choose one).")
    if settings.sandbox.network not in ("off", "list", "on"):
        raise Refused(f"sandbox.network is {settings.sandbox.network!r}; it is one of off, list, on.")
    _check_sandbox(settings.sandbox)
    if not 0 < settings.permissions.timeout_s <= 7 * 86_400:
        raise Refused(f"permissions.timeout_s is {settings.permissions.timeout_s}, but it is more than 0 and at most a week.")
    if settings.max_steps < 1:
        raise Refused(f"max-steps is {settings.max_steps}, but a turn needs at least 1 step.")
    if settings.log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise Refused(f"log-level is {settings.log_level!r}; it is one of debug, info, warning, error.")
    _check_lmx(settings.lmx)
    for name, server in settings.mcp.servers.items():
        if bool(server.command) == bool(server.url):
            raise Refused(f"MCP server {name} needs a command or a url (one of them).")
        if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]|_(?!_)){0,31}", name):
            raise Refused(f"MCP server {name!r}: a name has 1 to 32 letters, digits, - and single _.")
    for name, provider in settings.providers.items():
        if provider.context < 0:
            raise Refused(f"Provider {name} has context {provider.context}, but it is a number of tokens (0: unknown).")
        if provider.type not in ("openai", "lmx"):
            raise Refused(f"Provider {name} has type {provider.type!r}; it is one of openai (any OpenAI-compatible server), lmx.")


def _check_sandbox(sandbox: SandboxSettings) -> None:
    for path in sandbox.read:
        if not path.startswith(("/", "~/")) or path.rstrip("/") in ("", "~") or "\0" in path or ".." in path.split("/"):
            raise Refused(f"sandbox.read has {path[:200]!r}; each entry is a file or folder, absolute or beneath ~/, and not a whole home.")
    numbers = {"processes": sandbox.processes, "files": sandbox.files, "disk-mb": sandbox.disk_mb, "free-mb": sandbox.free_mb}
    if bad := next((key for key, number in numbers.items() if not 0 <= number < 1e9), None):
        raise Refused(f"sandbox.{bad} is {numbers[bad]}, but it is 0 (no limit) or more.")
    if not -1 <= sandbox.memory_mb < 1e9:
        raise Refused(
            f"sandbox.memory-mb is {sandbox.memory_mb}, but it is 0 (no limit) or more; -1 takes three quarters of the machine's."
        )


def _check_lmx(lmx: LmxSettings) -> None:
    try:
        ipaddress.ip_address(lmx.bind)
    except ValueError:
        raise Refused(f"lmx.bind is {lmx.bind!r}; it is an address of this machine, such as 127.0.0.1 or 0.0.0.0.") from None
    for key, pairs in (("lmx.aliases", lmx.aliases), ("lmx.drafts", lmx.drafts)):
        if bad := next((pair for pair in pairs if not re.fullmatch(r"[^=]+=[^=]+", pair)), None):
            raise Refused(f"{key} has {bad!r}; each entry is two names of models, as in one=other.")
    numbers = {"memory-limit-mb": lmx.memory_limit_mb, "idle-s": lmx.idle_s, "prefix-disk-gb": lmx.prefix_disk_gb, "drain-s": lmx.drain_s}
    if bad := next((key for key, number in numbers.items() if not 0 <= number < 1e9), None):
        raise Refused(f"lmx.{bad} is {numbers[bad]}, but it is 0 or more.")


def read_config(file: Path) -> dict[str, Any]:
    """The TOML of `file`, {} when there is none. Raises Refused naming the line."""
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise Refused(f"{file} is nested too deeply. Mend it, or move the file away.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{file} is not valid TOML: {error}. Mend that line, or move the file away.") from error


def known_keys() -> list[str]:
    """Every key that may be set, dotted (`providers.NAME.…` aside)."""
    return list(_flatten(msgspec.to_builtins(Settings())))


def check_key(key: str, source: str) -> None:
    """Raises Refused with the nearest known name when `key` is unknown."""
    if re.fullmatch(r"mcp\.servers\.[A-Za-z0-9_-]+\.(command|args|env\.\w+|url|network)", key):
        return
    if re.fullmatch(r"providers\.[A-Za-z0-9_-]+\.(type|base-url|model|context)", key) or key in known_keys():
        return
    near = difflib.get_close_matches(key, known_keys(), 1, 0.5)
    hint = f" Did you mean {near[0]!r}?" if near else " `opta config list` shows the known keys."
    raise Refused(f"Unknown key {key!r} in {source}.{hint}")


def parse_value(key: str, text: str, source: str) -> Any:
    """`text` as the type that `key` has. Raises Refused."""
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
    """Set one key in config.toml; comments and all other keys stay. Raises Refused, and then nothing is written."""
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
    """Set an MCP server in config.toml, or remove it (None); False when there was none to remove. Raises Refused."""
    known = read_config(paths.config).get("mcp", {}).get("servers", {})
    if server is None and name not in known:
        return False
    _change(paths, ["mcp", "servers", name], server, f"MCP server {name}")
    return True


def write_provider(paths: Paths, name: str, provider: dict[str, Any]) -> None:
    """Set a provider in config.toml, whole. Raises Refused, and then nothing is written."""
    _change(paths, ["providers", name], provider, f"Provider {name}")


def _change(paths: Paths, path: list[str], value: Any, what: str) -> None:
    """Change one entry of config.toml. Settings that do not fit together are refused before the write."""
    with folder_lock(paths.config.parent):
        # Raises for a file that is no TOML, with its line.
        read_config(paths.config)
        # Not `read_text`, which would turn the line ends of another system into ours.
        text = paths.config.read_bytes().decode() if paths.config.exists() else ""
        changed = config_file.with_entry(text, path, value)
        try:
            _check_values(msgspec.convert(tomllib.loads(changed), Settings))
        except msgspec.ValidationError as error:
            raise Refused(f"{what} does not fit: {error}.") from error
        write_whole(paths.config, changed.encode())
