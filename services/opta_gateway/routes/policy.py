"""Rules and trust: what holds in a folder, what a command would get, and which folders a person trusts."""

import asyncio

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from opta_core.errors import Refused
from opta_core.policy import explain, trust
from opta_core.policy.actions import normalise
from opta_core.policy.engine import Situation, judge
from opta_core.policy.layers import Sources
from opta_core.policy.rules import rule_from
from opta_core.settings import environment
from opta_protocol.http import CheckPolicy, GiveTrust, Ok, PolicyRules, PolicyVerdict, TrustState
from opta_protocol.permissions import default_level
from opta_protocol.tools.commands import RUN_COMMAND

from ..rest import answer, describes, gateway_of, read_body

router = APIRouter()


@router.post("/v3/policy/check", openapi_extra=describes(PolicyVerdict, CheckPolicy))
async def check_policy(request: Request) -> Response:
    """What the gate would decide on a command, without running anything."""
    wanted = await read_body(request, CheckPolicy)
    gateway = gateway_of(request)
    sandbox = gateway.backend.figures("tools").get("sandbox", "none")
    asked = normalise(RUN_COMMAND, {"command": wanted.command}, wanted.cwd, path=environment().get("PATH", ""))
    situation = Situation(
        level=wanted.level or default_level(wanted.mode),
        layers=await asyncio.to_thread(Sources(gateway.loaded.paths).layers, wanted.cwd),
        interactive=wanted.interactive,
        sandbox="full" if sandbox in ("full", "seatbelt") else "landlock" if sandbox == "landlock" else "none",
        extra=tuple(rule_from(text) for text in wanted.rules),
    )
    verdict = judge(asked, situation)
    assert asked.command is not None
    return answer(
        PolicyVerdict(
            decision=verdict.effect,
            rule=verdict.rule,
            layer=verdict.layer,
            plain=asked.command.is_plain,
            why=asked.command.why,
            actions=[msgspec.to_builtins(action) for action in asked.actions],
        )
    )


@router.get("/v3/policy", openapi_extra=describes(PolicyRules))
async def list_policy(request: Request) -> Response:
    """The rules that hold in a folder (`?cwd=`), the grants, and what is wrong with the files."""
    layers = await asyncio.to_thread(Sources(gateway_of(request).loaded.paths).layers, _cwd(request))
    return answer(
        PolicyRules(
            rules={layer: [msgspec.to_builtins(rule) for rule in layers.rules(layer)] for layer in ("managed", "user", "project")},
            grants=[msgspec.to_builtins(grant) for grant in layers.granted],
            problems=[msgspec.to_builtins(problem) for problem in layers.problems],
            trust=layers.trust,
        )
    )


@router.get("/v3/trust", openapi_extra=describes(TrustState))
async def get_trust(request: Request) -> Response:
    """Whether a folder (`?cwd=`) is trusted, and in plain words what its files ask for and what has changed."""
    return answer(await asyncio.to_thread(_trust, request, _cwd(request)))


@router.post("/v3/trust", openapi_extra=describes(TrustState, GiveTrust))
async def give_trust(request: Request) -> Response:
    """Trust a folder as it was shown: `sha256` names what was shown."""
    wanted = await read_body(request, GiveTrust)
    await asyncio.to_thread(trust.give, gateway_of(request).loaded.paths, wanted.cwd, wanted.sha256)
    return answer(await asyncio.to_thread(_trust, request, wanted.cwd))


@router.delete("/v3/trust", openapi_extra=describes(Ok))
async def withdraw_trust(request: Request) -> Response:
    """Trust a folder (`?cwd=`) no more."""
    await asyncio.to_thread(trust.withdraw, gateway_of(request).loaded.paths, _cwd(request))
    return answer(Ok())


def _trust(request: Request, cwd: str) -> TrustState:
    snapshot = trust.take(cwd)
    record = trust.read(gateway_of(request).loaded.paths).get(snapshot.path)
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


def _cwd(request: Request) -> str:
    cwd = request.query_params.get("cwd", "")
    if not cwd.startswith("/") or "\0" in cwd:
        raise Refused("Name the folder: ?cwd=/absolute/path.")
    return cwd
