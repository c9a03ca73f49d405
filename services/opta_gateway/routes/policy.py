"""Rules and trust: the rules that hold in a folder, the verdict on a command, and the folders that a person trusts."""

import asyncio

import msgspec

from opta_core.paths import Paths
from opta_core.policy import explain, trust
from opta_core.policy.actions import normalise
from opta_core.policy.layer_list import layer_list
from opta_core.policy.layers import Sources
from opta_core.policy.rules import rule_from
from opta_core.policy.trusted_folders import trusted_folders
from opta_core.policy.verdict import Situation, judge
from opta_core.settings import environment
from opta_protocol.http import CheckPolicy, GiveTrust, PolicyRules, PolicyVerdict, TrustState
from opta_protocol.http_settings import PolicyLayers, SettingChange, TrustedFolders
from opta_protocol.permissions import Mode, default_level
from opta_protocol.tools.shell import RUN_COMMAND

from ..endpoint import GatewayOf, TypedRouter, any_folder, body, folder

routes = TypedRouter()


@routes.post("/v3/policy/check")
async def check_policy(gateway: GatewayOf, wanted: CheckPolicy = body(CheckPolicy)) -> PolicyVerdict:
    """What the gate would decide on a command, without running anything."""
    sandbox = gateway.telemetry.sandbox
    # Reads what the command names.
    asked = await asyncio.to_thread(normalise, RUN_COMMAND, {"command": wanted.command}, wanted.cwd, path=environment().get("PATH", ""))
    situation = Situation(
        level=wanted.level or default_level(wanted.mode),
        layers=await asyncio.to_thread(Sources(gateway.loaded.paths).layers, wanted.cwd),
        interactive=wanted.interactive,
        sandbox="full" if sandbox in ("full", "seatbelt") else "landlock" if sandbox == "landlock" else "none",
        has_network=gateway.loaded.settings.sandbox.network != "off",
        reads_only=wanted.mode is Mode.plan,
        extra=tuple(rule_from(text) for text in wanted.rules),
    )
    verdict = judge(asked, situation)
    assert asked.command is not None
    return PolicyVerdict(
        decision=verdict.effect,
        rule=verdict.rule,
        layer=verdict.layer,
        plain=asked.command.is_plain,
        why=asked.command.why,
        actions=[msgspec.to_builtins(action) for action in asked.actions],
    )


@routes.get("/v3/policy")
async def list_policy(gateway: GatewayOf, cwd: str = folder()) -> PolicyRules:
    """The rules that hold in a folder (`?cwd=`), the grants, and what is wrong with the files."""
    layers = await asyncio.to_thread(Sources(gateway.loaded.paths).layers, cwd)
    return PolicyRules(
        rules={layer: [msgspec.to_builtins(rule) for rule in layers.rules(layer)] for layer in ("managed", "user", "project")},
        grants=[msgspec.to_builtins(grant) for grant in layers.granted],
        problems=[msgspec.to_builtins(problem) for problem in layers.problems],
        trust=layers.trust,
    )


@routes.get("/v3/policy/layers")
async def list_layers(gateway: GatewayOf, cwd: str = any_folder()) -> PolicyLayers:
    """The rules by layer in words, what is built in too, with file and line; without a folder, those that hold everywhere."""
    return await asyncio.to_thread(layer_list, gateway.loaded.paths, cwd)


@routes.get("/v3/trust/folders")
async def list_trusted(gateway: GatewayOf) -> TrustedFolders:
    """The folders that a person trusts, and whether they still are what was trusted."""
    return await asyncio.to_thread(trusted_folders, gateway.loaded.paths)


@routes.get("/v3/trust")
async def get_trust(gateway: GatewayOf, cwd: str = folder()) -> TrustState:
    """Whether a folder (`?cwd=`) is trusted, and in plain words what its files ask for and what has changed."""
    return await asyncio.to_thread(_trust, gateway.loaded.paths, cwd)


@routes.post("/v3/trust")
async def give_trust(gateway: GatewayOf, wanted: GiveTrust = body(GiveTrust)) -> TrustState:
    """Trust a folder as it was shown: `sha256` names what was shown."""
    await gateway.change(trust.give, gateway.loaded.paths, wanted.cwd, wanted.sha256)
    return await asyncio.to_thread(_trust, gateway.loaded.paths, wanted.cwd)


@routes.delete("/v3/trust")
async def withdraw_trust(gateway: GatewayOf, cwd: str = folder()) -> SettingChange:
    """Stop trusting a folder (`?cwd=`)."""
    was_trusted = await gateway.change(trust.withdraw, gateway.loaded.paths, cwd)
    return SettingChange(
        file=str(trust.file_of(gateway.loaded.paths)),
        key=cwd,
        old="trusted" if was_trusted else "",
        applies="turn",
        note="" if was_trusted else "It was not trusted, so nothing was changed.",
    )


def _trust(paths: Paths, cwd: str) -> TrustState:
    snapshot = trust.take(cwd)
    record = trust.record_for(paths, snapshot.path)
    state = trust.state_of(record, snapshot)
    return TrustState(
        path=snapshot.path,
        state=state,
        needed=state != "trusted" and bool(snapshot.contents) and not snapshot.problem,
        sha256=snapshot.sha256,
        asks=explain.asks_for(snapshot),
        changes=explain.differences(record, snapshot) if record and state == "changed" else [],
        problem=snapshot.problem,
    )
