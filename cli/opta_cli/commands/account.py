"""opta account: keys of providers, in the keychain. A key is read from standard input or a hidden prompt, never from arguments."""

import argparse
import getpass
import os
import sys
from pathlib import Path

from opta_core.errors import Refused
from opta_core.secrets.vault import Secret, Vault
from opta_core.secrets.vault_file import PASSPHRASE_CHARS_MIN, lock, unlock
from opta_core.settings import LoadedSettings

from ..local_time import local


def add(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta account add"""
    vault = _vault(loaded)
    if any(account.name == args.name for account in vault.accounts()):
        raise Refused(f"A key for {args.name!r} already exists. Replace it: opta account rotate {args.name}")
    _store(loaded, vault, args)
    return 0


def rotate(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta account rotate"""
    vault = _vault(loaded)
    if all(account.name != args.name for account in vault.accounts()):
        raise Refused(f"There is no key for {args.name!r}. `opta account list` shows them.")
    _store(loaded, vault, args)
    return 0


def show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta account list"""
    accounts = _vault(loaded).accounts()
    if args.json:
        import msgspec

        print(msgspec.json.encode(accounts).decode())
        return 0
    for account in accounts:
        print(f"{account.name:20} {account.shown:10} in the {account.kept}, since {local(account.since)}")
    if not accounts:
        print("No keys yet. opta account add NAME", file=sys.stderr)
    return 0


def remove(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta account remove"""
    if not _vault(loaded).remove(args.name):
        raise Refused(f"There is no key for {args.name!r}. `opta account list` shows them.")
    print(f"The key for {args.name} is removed.")
    return 0


def export(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta account export"""
    vault = _vault(loaded)
    values = {account.name: secret.reveal() for account in vault.accounts() if (secret := vault.fetch(account.name)) is not None}
    if not values:
        raise Refused("There are no keys to export.")
    content = lock(values, _passphrase(args, is_new=True))
    try:
        descriptor = os.open(args.file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except FileExistsError:
        raise Refused(f"{args.file} already exists. Name a new file.") from None
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
    print(f"{len(values)} keys were written to {args.file}, encrypted with your passphrase")
    return 0


def import_keys(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta account import"""
    vault = _vault(loaded)
    values = unlock(Path(args.file).read_bytes(), _passphrase(args, is_new=False), name=args.file)
    known = {account.name for account in vault.accounts()}
    for name, value in values.items():
        if name in known and not args.replace:
            print(f"opta: {name} already exists and is kept; use --replace to replace it", file=sys.stderr)
        else:
            vault.store(name, Secret(value))
            print(f"imported {name}")
    return 0


def _vault(loaded: LoadedSettings) -> Vault:
    return Vault(loaded.paths, allows_file=loaded.settings.vault_file)


def _store(loaded: LoadedSettings, vault: Vault, args: argparse.Namespace) -> None:
    if args.name not in loaded.settings.providers:
        print(f"opta: there is no provider {args.name!r} yet; add it with opta config add-provider", file=sys.stderr)
    account = vault.store(args.name, Secret(_read_secret("Key: ")))
    print(f"{account.name} {account.shown} is stored in the {account.kept}; the next request uses it")


def _passphrase(args: argparse.Namespace, *, is_new: bool) -> str:
    passphrase = _read_secret("Passphrase: ")
    if is_new and len(passphrase) < PASSPHRASE_CHARS_MIN:
        raise Refused(f"The passphrase must have at least {PASSPHRASE_CHARS_MIN} characters.")
    if is_new and sys.stdin.isatty() and getpass.getpass("Again: ") != passphrase:
        raise Refused("The two passphrases are different.")
    return passphrase


def _read_secret(prompt: str) -> str:
    """Read a line from standard input, without echo on a terminal."""
    value = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    return value.strip("\r\n")
