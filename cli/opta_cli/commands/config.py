"""opta config get, set, unset, list."""

import argparse
import sys
from typing import Any

import msgspec

from opta_core import setting_keys, settings
from opta_core.errors import Refused
from opta_core.settings import LoadedSettings

from ..plain_text import plain_json, print_plain

# Settings that running services read again.
LIVE = ("mcp", "providers", "models", "aliases", "default-model", "thinking", "thinking-budget")


def get(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config get KEY"""
    settings.check_key(args.key, "the command")
    value: Any = msgspec.to_builtins(loaded.settings)
    for part in setting_keys.split(args.key):
        value = value.get(part, "") if isinstance(value, dict) else ""  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    print_plain(_plain(value))
    return 0


def set_value(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config set KEY VALUE"""
    settings.check_key(args.key, "the command")
    value = settings.parse_value(args.key, args.value, "the value")
    if args.key == "default-model":
        _check_model(loaded, args.value)
    settings.write_value(loaded.paths, args.key, value)
    print_plain(f"{args.key} = {_plain(value)}.{_when(args.key)}")
    print_overridden(loaded, args.key)
    return 0


def unset(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config unset KEY"""
    settings.check_key(args.key, "the command")
    if not settings.remove_value(loaded.paths, args.key):
        print_plain(f"{args.key} is not set in {loaded.paths.config}; nothing was changed.", sys.stderr)
        return 0
    print_plain(f"{args.key} is removed from {loaded.paths.config}, and has its default again.{_when(args.key)}")
    print_overridden(loaded, args.key)
    return 0


def list_values(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config list [--origin]"""
    flat = setting_keys.flatten(msgspec.to_builtins(loaded.settings))
    if args.json:
        rows = {key: {"value": value, "origin": loaded.origins.get(key, str(loaded.paths.config))} for key, value in sorted(flat.items())}
        print_plain(plain_json(msgspec.json.format(msgspec.json.encode(rows), indent=2)).decode())
        return 0
    for key, value in sorted(flat.items()):
        print_plain(f"{key} = {_plain(value)}" + (f"    ({loaded.origins.get(key, str(loaded.paths.config))})" if args.origin else ""))
    return 0


def print_overridden(loaded: LoadedSettings, key: str) -> None:
    """Say when a variable of the environment decides a key, so that the file does not."""
    for variable, overridden in settings.ENVIRONMENT.items():
        if overridden == key and variable in settings.environment():
            now = settings.environment()[variable]
            print_plain(f"opta: {variable} is {now!r} here, and overrides config.toml wherever it is set.", sys.stderr)


def _when(key: str) -> str:
    at_once = setting_keys.split(key)[0] in LIVE
    return " The next turn uses it." if at_once else " Running services use it after a restart: opta daemon restart"


def _check_model(loaded: LoadedSettings, name: str) -> None:
    """Refuse a default model of a provider that does not exist. Whether a provider has the model is known when it is asked."""
    head, slash, _ = name.partition("/")
    if name in loaded.settings.aliases or (slash and (head == "lmx" or head in loaded.settings.providers)):
        return
    if slash and not any(provider.model == name for provider in loaded.settings.providers.values()):
        known = ", ".join(["lmx", *loaded.settings.providers])
        raise Refused(f"{name!r} names no provider; the providers are {known}. To look a model up and use it: opta models use NAME")
    if not slash and not any(provider.model == name for provider in loaded.settings.providers.values()):
        raise Refused(f"{name!r} is not the name of a model with its provider, such as lmx/probe. To look it up: opta models use {name}")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
