"""opta config get, set, unset, list."""

import argparse
import sys
from typing import Any
from urllib.parse import urlencode

import msgspec

from opta_core import setting_keys, settings
from opta_core.setting_changes import overridden, plain_value, set_setting, unset_setting
from opta_core.setting_effects import effect_of, sentence
from opta_core.settings import LoadedSettings

from ..daemon_change import change_by_daemon, removed
from ..plain_text import plain_json, print_plain


def get(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config get KEY"""
    settings.check_key(args.key, "the command")
    value: Any = msgspec.to_builtins(loaded.settings)
    for part in setting_keys.split(args.key):
        value = value.get(part, "") if isinstance(value, dict) else ""  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    print_plain(plain_value(value))
    return 0


def set_value(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config set KEY VALUE"""
    change = change_by_daemon(
        loaded, "PUT", "/v3/config", {"key": args.key, "value": args.value}, lambda: set_setting(loaded, args.key, args.value)
    )
    print_plain(f"{args.key} = {change.new}. {sentence(effect_of(args.key))}")
    print_overridden(args.key, change.note)
    return 0


def unset(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config unset KEY"""
    settings.check_key(args.key, "the command")
    if args.key not in setting_keys.flatten(settings.read_config(loaded.paths.config)):
        print_plain(f"{args.key} is not set in {loaded.paths.config}; nothing was changed.", sys.stderr)
        return 0
    change_by_daemon(
        loaded, "DELETE", f"/v3/config?{urlencode({'key': args.key})}", None, lambda: removed(unset_setting(loaded, args.key), args.key)
    )
    print_plain(f"{args.key} is removed from {loaded.paths.config}, and has its default again. {sentence(effect_of(args.key))}")
    print_overridden(args.key)
    return 0


def list_values(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config list [--origin]"""
    flat = setting_keys.flatten(msgspec.to_builtins(loaded.settings))
    if args.json:
        rows = {key: {"value": value, "origin": loaded.origins.get(key, str(loaded.paths.config))} for key, value in sorted(flat.items())}
        print_plain(plain_json(msgspec.json.format(msgspec.json.encode(rows), indent=2)).decode())
        return 0
    for key, value in sorted(flat.items()):
        print_plain(f"{key} = {plain_value(value)}" + (f"    ({loaded.origins.get(key, str(loaded.paths.config))})" if args.origin else ""))
    return 0


def print_overridden(key: str, note: str = "") -> None:
    """Say when a variable of the environment decides a key, so that the file does not: here, or where the daemon runs (`note`)."""
    if said := overridden(key) or note:
        print_plain(f"opta: {said}", sys.stderr)
