"""config get|set|list|add-provider."""

import argparse
import sys
from typing import Any

import msgspec

from opta_core import setting_keys, settings
from opta_core.errors import Refused
from opta_core.secrets.vault import Secret, Vault
from opta_core.settings import LoadedSettings


def get(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config get KEY"""
    settings.check_key(args.key, "the command")
    value: Any = msgspec.to_builtins(loaded.settings)
    for part in args.key.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    print(_plain(value))
    return 0


def set_value(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config set KEY VALUE"""
    settings.check_key(args.key, "the command")
    settings.write_value(loaded.paths, args.key, settings.parse_value(args.key, args.value, "the value"))
    at_once = args.key.startswith("mcp.")
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


def add_provider(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config add-provider NAME --type … --base-url URL"""
    if not args.base_url.startswith(("http://", "https://")):
        raise Refused(f"--base-url is {args.base_url!r}; it must begin with http:// or https://.")
    key = sys.stdin.readline().strip() if args.key_stdin else ""
    prefix = f"providers.{args.name}"
    provider: dict[str, Any] = {"type": args.type, "base-url": args.base_url}
    if args.model:
        provider["model"] = args.model
    if args.context:
        provider["context"] = args.context
    for name in provider:
        settings.check_key(f"{prefix}.{name}", "the command")
    if key:
        Vault(loaded.paths, allows_file=loaded.settings.vault_file).store(args.name, Secret(key))
    settings.write_provider(loaded.paths, args.name, provider)
    print(f"Provider {args.name} is configured. Running services use it after a restart: opta daemon restart")
    return 0


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
