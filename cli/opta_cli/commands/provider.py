"""opta provider list, add, remove (and config add-provider, remove-provider): providers of models. A new one is asked at once what it has."""

import argparse
import asyncio
import sys
from typing import Any

import msgspec

from opta_core import settings
from opta_core.errors import Refused
from opta_core.model_servers.adding import Checked, check_provider
from opta_core.provider_settings import ProviderSettings
from opta_core.secrets.vault import Secret, Vault
from opta_core.settings import LoadedSettings

from ..cli_command import nearest
from ..plain_text import plain_json, print_line, print_plain
from ..progress_bars import waiting
from .provider_models import look_at_all

MODELS_SHOWN = 8


def add(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config add-provider NAME --type … --base-url URL"""
    if args.name in loaded.settings.providers and not args.replace:
        raise Refused(
            f"There is a provider {args.name} already: {_about(loaded, args.name)}. Replace it with --replace, or choose another name."
        )
    key = sys.stdin.readline().strip() if args.key_stdin else ""
    given: dict[str, Any] = {"type": args.type, "base-url": args.base_url, "host": args.host, "model": args.model, "context": args.context}
    wanted = msgspec.convert({name: value for name, value in given.items() if value}, ProviderSettings)
    vault = Vault(loaded.paths, allows_file=loaded.settings.vault_file)
    secret = Secret(key) if key else vault.fetch(args.name)
    checked = asyncio.run(check_provider(args.name, wanted, secret, loaded.settings, loaded.paths))
    if key:
        vault.store(args.name, Secret(key))
    settings.write_provider(loaded.paths, args.name, msgspec.to_builtins(checked.provider))
    _print(args.name, checked)
    return 0


def show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta provider list"""
    with waiting("asking the providers"):
        looks = {look.name: look for look in asyncio.run(look_at_all(loaded))}
    accounts = {account.name for account in Vault(loaded.paths, allows_file=loaded.settings.vault_file).accounts()}
    rows = [
        {
            "name": name,
            "type": provider.type,
            "address": provider.base_url or provider.host,
            "key": name in accounts,
            "models": len(looks[name].models),
            "problem": looks[name].problem,
        }
        for name, provider in loaded.settings.providers.items()
    ]
    if args.json:
        print_plain(plain_json(msgspec.json.encode({"providers": rows})).decode())
        return 0
    for row in rows:
        how = f"✕ {row['problem']}" if row["problem"] else f"✓ {row['models']} models"
        print_line(f"{row['name']:16} {row['type']:10} {row['address']}  {'with a key' if row['key'] else 'no key'}  {how}")
    if not rows:
        print_plain("No providers beside LMX. Add one: opta provider add NAME --type openai --base-url URL", sys.stderr)
    return 0


def _about(loaded: LoadedSettings, name: str) -> str:
    provider = loaded.settings.providers[name]
    return f"{provider.type} at {provider.base_url or provider.host or 'its usual address'}"


def remove(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta config remove-provider NAME"""
    if not settings.write_provider(loaded.paths, args.name, None):
        raise Refused(
            f"There is no provider {args.name!r}. {nearest(args.name, loaded.settings.providers)} `opta provider list` shows them."
        )
    print_plain(f"Provider {args.name} is removed. Its key, if it has one, stays in the keychain: opta account remove {args.name}")
    return 0


def _print(name: str, checked: Checked) -> None:
    provider = checked.provider
    print_plain(f"Provider {name} is configured. The next turn can use it.")
    if checked.problem:
        print_plain(f"It does not answer now ({checked.problem}). `opta doctor` checks it again.")
        return
    models = [model for model in checked.models if model.is_chat]
    for model in models[:MODELS_SHOWN]:
        print_plain(f"    {name}/{model.id}" + (f"  {model.context} tokens" if model.context else ""))
    if len(models) > MODELS_SHOWN:
        print_plain(f"    and {len(models) - MODELS_SHOWN} more")
    if provider.model and all(model.id not in (provider.model, f"{provider.model}:latest") for model in models):
        print_plain(f"Its list of models does not have {provider.model}.")
