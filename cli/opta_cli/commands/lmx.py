"""opta lmx: serve models without the daemon, manage keys, and pair with another machine."""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from opta_core.errors import Refused
from opta_core.inheritance import inherited, python
from opta_core.model_servers import paired_hosts
from opta_core.model_servers.paired_hosts import pair_host
from opta_core.net.lmx_endpoint import with_port
from opta_core.net.lmx_pairing import find_hosts
from opta_core.provider_settings import ProviderSettings, check_providers
from opta_core.secrets.vault import Vault
from opta_core.setting_effects import effect_of, sentence
from opta_core.settings import LoadedSettings
from opta_protocol.lmx import LmxKey, LmxKeyRemoved, LmxKeys, LmxModels, LmxNewKey, LmxPairingCode

from ..ask import confirm
from ..daemon_change import change_by_daemon
from ..lmx import install as lmx_install
from ..lmx.client import ask, endpoint_here
from ..lmx.client_configs import config_of
from ..lmx.machine_checks import checks_of
from ..lmx.use_with import change_of, difference, explained, notes_of, target_of, write
from ..plain_text import plain_json, print_plain
from ..progress_bars import waiting


def serve(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx serve"""
    command = python("opta_lmx")
    environment = {**inherited(os.environ), "OPTA_HOME": str(loaded.paths.home)}
    if args.model_path:
        command += ["--model-path", args.model_path]
    # The port is passed as a setting, so that other `opta` commands find LMX.
    if args.port >= 0:
        environment["OPTA_LMX_PORT"] = str(args.port)
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        return process.wait()


def status(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx status"""
    found = ask(loaded, "GET", "/admin/models", LmxModels, timeout_s=5)
    if args.json:
        print(plain_json(msgspec.json.encode(found)).decode())
        return 0
    if (memory := found.memory) is not None:
        print_plain(f"LMX at {endpoint_here(loaded).root}: {memory.used / 1e9:.1f} of {memory.limit / 1e9:.1f} GB, memory {memory.level}")
    for model in found.models:
        if model.state != "on disk":
            print_plain(f"  {model.id}: {model.state}, {model.memory / 1e6:.0f} MB, {model.running} requests {model.problem}")
    return 0


def doctor(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx doctor"""
    checks = checks_of(loaded)
    if args.json:
        print(msgspec.json.encode([{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks]).decode())
    else:
        for name, ok, detail in checks:
            print_plain(f"{'✓' if ok else '✕'} {name}: {detail}")
    return 0 if all(ok for _, ok, _ in checks) else 1


def pair(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx pair [HOST] [--provider NAME]"""
    if not args.host:
        if args.name:
            raise Refused("--provider names another machine's LMX; give that machine as well: opta lmx pair HOST --provider NAME")
        return _show_code(loaded, is_admin=args.admin)
    if not sys.stdin.isatty() and not args.code_stdin:
        raise Refused("The pairing code is needed, and there is no terminal to type it. Pass it on standard input with --code-stdin.")
    host = with_port(args.host)
    if args.name:
        _check_provider(loaded, args.name, host)
    code = (
        sys.stdin.readline().strip() if args.code_stdin else input(f"Code that `opta lmx pair` shows on {args.host} (six digits): ").strip()
    )
    vault = Vault(loaded.paths, allows_file=loaded.settings.vault_file)
    change = change_by_daemon(
        loaded,
        "POST",
        "/v3/lmx/hosts",
        {"host": host, "code": code, "provider": args.name},
        lambda: asyncio.run(pair_host(loaded, vault, host, code, args.name))[1],
    )
    print_plain(f"Paired with {host}: {change.key} is {change.new}. {sentence(effect_of(change.key))}")
    return 0


def list_hosts(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx hosts"""
    vault = Vault(loaded.paths, allows_file=loaded.settings.vault_file)
    with waiting("asking the hosts"):
        hosts = asyncio.run(paired_hosts.list_hosts(loaded, vault))
    if args.json:
        print(plain_json(msgspec.json.encode({"hosts": hosts})).decode())
        return 0
    for host in hosts:
        use = {"here": "this machine", "main": "lmx/MODEL", "provider": f"{host.provider}/MODEL"}[host.role]
        guard = "paired" if host.isPaired else "without TLS" if host.role != "here" else ""
        state = f"✓ {len(host.models)} models, {host.latencyMs:g} ms" if host.healthy else f"✕ {host.reason}"
        print_plain(f"{host.host:28} {use:20} {guard:12} {state}")
    return 0


def forget(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx forget HOST"""
    vault = Vault(loaded.paths, allows_file=loaded.settings.vault_file)
    host = with_port(args.host)
    change = change_by_daemon(
        loaded, "DELETE", f"/v3/lmx/hosts?{urlencode({'host': host})}", None, lambda: paired_hosts.forget_host(loaded, vault, host)
    )
    note = f" {change.note}" if change.note else ""
    print_plain(f"{host} is not used any more: {change.key} is removed from {change.file}.{note} {sentence(effect_of(change.key))}")
    return 0


def _check_provider(loaded: LoadedSettings, name: str, host: str) -> None:
    """Raises Refused before the code is used, when it would pair for nothing."""
    check_providers({name: ProviderSettings(type="lmx", host=host)})
    if loaded.settings.lmx.host and with_port(loaded.settings.lmx.host) == host:
        raise Refused(f"{host} is lmx.host already. A second LMX must be another machine.")
    known = loaded.settings.providers.get(name)
    if known is not None and (known.type != "lmx" or with_port(known.host) != host):
        raise Refused(f"There is a provider {name} already. Choose another name, or remove it: opta provider remove {name}")


def _show_code(loaded: LoadedSettings, *, is_admin: bool) -> int:
    if not endpoint_here(loaded).certificate:
        raise Refused(
            "LMX on this machine is bound to loopback, so no other machine can pair. Bind it to the network: opta config set lmx.bind 0.0.0.0, then opta daemon restart lmx"
        )
    before = {key.name for key in _keys(loaded)}
    shown = ask(loaded, "POST", "/admin/pairing", LmxPairingCode, {"admin": is_admin})
    print_plain(f"Code: {shown.code}    On the other machine: opta lmx pair THIS-MACHINE    (valid for two minutes)")
    until = time.monotonic() + shown.seconds
    while time.monotonic() < until:
        if new := [key.name for key in _keys(loaded) if key.name not in before]:
            print_plain(f"Paired with {new[0]}. To revoke its key: opta lmx keys remove {new[0]!r}")
            return 0
        time.sleep(0.5)
    print_plain("No machine paired before the code expired.")
    return 1


def install(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx install"""
    with waiting("starting LMX"):
        said = lmx_install.install(loaded, is_print=args.print)
    print_plain(said)
    return 0


def uninstall(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx uninstall"""
    with waiting("stopping LMX"):
        said = lmx_install.uninstall(loaded)
    print_plain(said)
    return 0


def find(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx find"""
    hosts = asyncio.run(find_hosts(args.seconds))
    if args.json:
        print(plain_json(msgspec.json.encode({"hosts": hosts})).decode())
        return 0 if hosts else 1
    for host in hosts:
        print_plain(f"{host.address}:{host.port}  {host.name}  sha256 {host.fingerprint[:16]}…    opta lmx pair {host.address}:{host.port}")
    if not hosts:
        print("No LMX is advertised on this network. To advertise one, on its machine: opta config set lmx.offer true", file=sys.stderr)
    return 0 if hosts else 1


def add_key(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx keys add NAME"""
    made = ask(loaded, "POST", "/admin/keys", LmxNewKey, {"name": args.name, "admin": args.admin})
    print_plain(f"{made.key}\nStore it now: it cannot be shown again.")
    return 0


def list_keys(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx keys list"""
    if args.json:
        print(plain_json(msgspec.json.encode({"keys": _keys(loaded)})).decode())
        return 0
    for key in _keys(loaded):
        print_plain(f"{key.name:32} {', '.join(key.scopes)}, since {time.strftime('%Y-%m-%d', time.localtime(key.created))}")
    return 0


def remove_key(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx keys remove NAME"""
    ask(loaded, "POST", "/admin/keys/remove", LmxKeyRemoved, {"name": args.name})
    print_plain(f"The key {args.name!r} is revoked.")
    return 0


def _keys(loaded: LoadedSettings) -> list[LmxKey]:
    return ask(loaded, "GET", "/admin/keys", LmxKeys, timeout_s=5).keys


def use_with(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta lmx use-with CLIENT [--write]"""
    target = target_of(loaded, args.model)
    config = config_of(args.client, target, Path.home(), os.environ)
    if not args.write:
        print_plain(explained(args.client, config, target))
        return 0
    old, new = change_of(config)
    if old == new:
        print_plain(f"{config.file} leads to LMX already.")
        return 0
    print_plain(difference(config.file, old, new).rstrip())
    if not args.yes and not confirm(f"Write this into {config.file}?"):
        raise Refused(f"{config.file} is left as it is.")
    backup = write(config, old, new)
    print_plain(f"{config.file} is written." + (f" What it was before: {backup}" if backup else ""))
    for note in notes_of(config, target):
        print_plain(note)
    return 0
