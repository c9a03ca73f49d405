"""opta policy: the rules that apply here, the decision for a command, grants, and trust. Works without a daemon."""

import argparse
import shlex
import shutil
import sys
from pathlib import Path

import msgspec

from opta_core.errors import Refused
from opta_core.policy import explain, grants, trust
from opta_core.policy.actions import normalise
from opta_core.policy.layers import Problem, Sources
from opta_core.policy.rules import rule_from
from opta_core.policy.trusted_folders import trusted_folders
from opta_core.policy.verdict import Situation, judge
from opta_core.settings import LoadedSettings, environment
from opta_protocol.permissions import Level, Mode, default_level
from opta_protocol.tools.shell import RUN_COMMAND

from ..ask import can_ask, confirm
from ..local_time import local
from ..plain_text import plain_json, print_line


def show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta policy list"""
    layers = Sources(loaded.paths).layers(_cwd(args))
    if args.json:
        found = {layer: layers.rules(layer) for layer in ("managed", "user", "project")}
        print(
            plain_json(
                msgspec.json.encode({"rules": found, "grants": layers.granted, "problems": layers.problems, "trust": layers.trust})
            ).decode()
        )
        return 0
    for layer in ("managed", "user", "project"):
        for rule in layers.rules(layer):
            print_line(f"{layer:8} {explain.sentence(rule)}  ({rule.source}:{rule.line})")
    for grant in layers.granted:
        print_line(
            f"grant    {grant.id}  {grant.label}  in {grant.cwd}" + _bound(grant) + (f"  until {grant.expires}" if grant.expires else "")
        )
    print_line(f"{_cwd(args)} is {_STATES[layers.trust]}")
    for problem in layers.problems:
        print_line(f"opta: {_where(problem)}", sys.stderr)
    return 0


def check(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta policy check"""
    cwd = _cwd(args)
    mode = Mode(args.mode)
    request = normalise(RUN_COMMAND, {"command": args.command}, cwd, path=environment().get("PATH", ""))
    situation = Situation(
        level=_level(args.level) if args.level else default_level(mode),
        layers=Sources(loaded.paths).layers(cwd),
        interactive=not args.headless,
        sandbox="full" if loaded.settings.sandbox.enabled and _has_containment() else "none",
        has_network=loaded.settings.sandbox.network != "off",
        reads_only=mode is Mode.plan,
        extra=tuple(rule_from(text) for text in args.rule),
    )
    verdict = judge(request, situation)
    command = request.command
    assert command is not None
    if args.json:
        found = {
            "decision": verdict.effect,
            "rule": verdict.rule,
            "layer": verdict.layer,
            "plain": command.is_plain,
            "why": command.why,
            "actions": request.actions,
        }
        print(plain_json(msgspec.json.encode(found)).decode())
        return 0
    print_line(f"{verdict.effect}: {verdict.rule} ({verdict.layer})")
    for part in command.parts:
        print_line(f"  {shlex.join(part.argv)}  ->  {part.program or 'a shell builtin, or not found'}")
    if not command.is_plain:
        print_line(f"  not plain: {command.why}")
    return 0


def grant(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta policy grant"""
    request = normalise(RUN_COMMAND, {"command": args.command}, _cwd(args))
    new = grants.for_request(request, prefix=args.prefix, days=args.days)
    if args.preview:
        for found in new:
            print_line(f"would allow {found.label} in {found.cwd}" + _bound(found))
        return 0
    grants.add(loaded.paths, new)
    for found in new:
        print_line(f"{found.id}  {found.label}  in {found.cwd}" + _bound(found))
    return 0


def revoke(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta policy revoke"""
    if not grants.remove(loaded.paths, args.id):
        raise Refused(f"There is no grant {args.id!r}. `opta policy list` shows them.")
    print_line(f"The grant {args.id} is revoked.")
    return 0


def give_trust(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta policy trust"""
    folder = args.folder or str(Path.cwd())
    if args.withdraw:
        print_line(f"{folder} is no longer trusted" if trust.withdraw(loaded.paths, folder) else f"{folder} was not trusted")
        return 0
    snapshot = trust.take(folder)
    record = trust.record_for(loaded.paths, snapshot.path)
    state = trust.state_of(record, snapshot)
    print_line(f"{snapshot.path} is {_STATES[state]}")
    for line in explain.differences(record, snapshot) if record and state == "changed" else []:
        print_line(f"  {line}")
    if state == "trusted":
        return 0
    print("With trust:")
    for line in explain.asks_for(snapshot):
        print_line(f"  {line}")
    if not args.yes:
        if not can_ask():
            print("opta: nothing was changed; use `--yes` to trust the folder as shown", file=sys.stderr)
            return 0
        if not confirm("Trust this folder?"):
            return 0
    trust.give(loaded.paths, folder, snapshot.sha256)
    print_line(f"{snapshot.path} is trusted")
    return 0


def list_trusted(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta policy trusted"""
    found = trusted_folders(loaded.paths)
    if args.json:
        print(plain_json(msgspec.json.encode(found)).decode())
        return 0
    for folder in found.folders:
        print_line(f"{folder.path}  {_TRUSTED[folder.state]}, since {local(folder.since)}")
    if not found.folders:
        print("No folder is trusted. opta policy trust FOLDER", file=sys.stderr)
    return 0


def problems(loaded: LoadedSettings) -> list[Problem]:
    """The problems in the policy files that apply here."""
    return list(Sources(loaded.paths).layers(str(Path.cwd())).problems)


def _bound(grant: grants.Grant) -> str:
    return f"  as long as these scripts do not change: {grant.script_about}" if grant.script else ""


def _has_containment() -> bool:
    """Whether this machine has a sandbox, checked without starting one. The running daemon knows exactly."""
    return Path("/proc/self/ns/user").exists() or bool(shutil.which("sandbox-exec"))


def _where(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}: {problem.message}" + (f" ({problem.fix})" if problem.fix else "")


def doctor_policy(loaded: LoadedSettings) -> list[tuple[str, bool, str]]:
    """opta doctor --policy: one check per problem, with file, line and fix."""
    found = problems(loaded)
    checks = [("policy", problem.is_warning, _where(problem)) for problem in found]
    return checks or [("policy", True, "every policy file that applies here is valid")]


def _level(text: str) -> Level:
    name = text.upper() if text.upper().startswith("L") else f"L{text}"
    if name not in Level.__members__.values():
        raise Refused(f"--level is {text!r}; it must be L1, L2 or L3.")
    return Level(name)


def _cwd(args: argparse.Namespace) -> str:
    return str(Path(args.cwd or ".").absolute())


_TRUSTED = {
    "trusted": "trusted",
    "changed": "no longer trusted: its files have changed",
    "replaced": "no longer trusted: another folder is at this path now",
    "missing": "no longer there",
}
_STATES = {"trusted": "trusted", "untrusted": "not trusted", "changed": "no longer trusted: its files have changed"}
