"""config get|set|list."""

import argparse
from typing import Any

import msgspec

from opta_core import setting_keys, settings
from opta_core.settings import LoadedSettings

# Settings that running services read again.
LIVE = ("mcp", "providers", "models", "aliases", "default-model", "thinking", "thinking-budget")


def get(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config get KEY"""
    settings.check_key(args.key, "the command")
    value: Any = msgspec.to_builtins(loaded.settings)
    for part in setting_keys.split(args.key):
        value = value.get(part, "") if isinstance(value, dict) else ""  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    print(_plain(value))
    return 0


def set_value(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config set KEY VALUE"""
    settings.check_key(args.key, "the command")
    settings.write_value(loaded.paths, args.key, settings.parse_value(args.key, args.value, "the value"))
    at_once = setting_keys.split(args.key)[0] in LIVE
    print(
        f"{args.key} = {args.value}."
        + (" The next turn uses it." if at_once else " Running services use it after a restart: opta daemon restart")
    )
    return 0


def list_values(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config list [--origin]"""
    flat = setting_keys.flatten(msgspec.to_builtins(loaded.settings))
    for key, value in sorted(flat.items()):
        print(f"{key} = {_plain(value)}" + (f"    ({loaded.origins.get(key, str(loaded.paths.config))})" if args.origin else ""))
    return 0


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
