"""Changes of config.toml that say what they change: the same for the command line and for the daemon.

A value that may be a secret (the environment of an MCP server) is written and never said again.
"""

from typing import Any

import msgspec

from opta_protocol.http_settings import SettingChange, SettingInfo, SettingList

from . import setting_keys, settings
from .errors import Refused
from .setting_effects import effect_of
from .settings import LoadedSettings, Settings

MASK = "••••"
DEFAULT_MODEL = "default-model"


def list_settings(loaded: LoadedSettings) -> SettingList:
    """Every setting with its value and its origin."""
    flat = setting_keys.flatten(msgspec.to_builtins(loaded.settings))
    file = str(loaded.paths.config)
    return SettingList(file=file, settings=[_info(key, value, loaded.origins.get(key, file)) for key, value in sorted(flat.items())])


def set_setting(loaded: LoadedSettings, key: str, text: str) -> SettingChange:
    """Set one key, written as on the command line. Raises Refused; nothing is written then."""
    settings.check_key(key, "the command")
    value = settings.parse_value(key, text, "the value")
    if key == DEFAULT_MODEL:
        check_default_model(loaded.settings, text)
    before = _value_in_file(loaded, key)
    settings.write_value(loaded.paths, key, value)
    return _change(loaded, key, before, value)


def unset_setting(loaded: LoadedSettings, key: str) -> SettingChange | None:
    """Remove one key, so that its default holds; None when the file does not have it. Raises Refused."""
    settings.check_key(key, "the command")
    before = _value_in_file(loaded, key)
    if not settings.remove_value(loaded.paths, key):
        return None
    return _change(loaded, key, before, _default(key))


def table_change(loaded: LoadedSettings, key: str, old: str, new: str, note: str = "") -> SettingChange:
    """What to say of a whole table that was written or removed, such as a provider. `old` and `new` are said as they are."""
    effect = effect_of(key)
    return SettingChange(
        file=str(loaded.paths.config), key=key, old=old, new=new, applies=effect.applies, services=list(effect.services), note=note
    )


def check_default_model(current: Settings, name: str) -> None:
    """Refuse a default model of a provider that does not exist. Whether a provider has the model is known when it is asked."""
    head, slash, _ = name.partition("/")
    is_known = slash and (head == "lmx" or head in current.providers)
    if name in current.aliases or is_known or any(provider.model == name for provider in current.providers.values()):
        return
    if slash:
        known = ", ".join(["lmx", *current.providers])
        raise Refused(f"{name!r} names no provider; the providers are {known}. To look a model up and use it: opta models use NAME")
    raise Refused(f"{name!r} is not the name of a model with its provider, such as lmx/probe. To look it up: opta models use {name}")


def plain_value(value: Any) -> str:
    """A value as `opta config list` prints it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def overridden(key: str) -> str:
    """Which variable of this process's environment decides a key, so that the file does not; '' for none."""
    found = settings.environment()
    for variable, decided in settings.ENVIRONMENT.items():
        if decided == key and variable in found:
            return f"{variable} is {found[variable]!r} here, and overrides config.toml wherever it is set."
    return ""


def _info(key: str, value: Any, origin: str) -> SettingInfo:
    effect = effect_of(key)
    return SettingInfo(key=key, value=_shown(key, value), origin=origin, applies=effect.applies, services=list(effect.services))


def _change(loaded: LoadedSettings, key: str, before: Any, after: Any) -> SettingChange:
    effect = effect_of(key)
    return SettingChange(
        file=str(loaded.paths.config),
        key=key,
        old=_shown(key, before),
        new=_shown(key, after),
        applies=effect.applies,
        services=list(effect.services),
        note=overridden(key),
    )


def _value_in_file(loaded: LoadedSettings, key: str) -> Any:
    """The value that config.toml gives a key, else its default."""
    return setting_keys.flatten(settings.read_config(loaded.paths.config)).get(key, _default(key))


def _default(key: str) -> Any:
    return setting_keys.flatten(msgspec.to_builtins(Settings())).get(key, "")


def _shown(key: str, value: Any) -> str:
    said = plain_value(value)
    return MASK if said and is_secret_key(key) else said


def is_secret_key(key: str) -> bool:
    """Whether the value of a key is never said: variables of the environment of an MCP server often hold keys."""
    parts = setting_keys.split(key)
    return parts[:2] == ["mcp", "servers"] and "env" in parts[3:]
