"""The answer "always": the grant is stored before the call may run, or the answer is refused."""

import asyncio
from pathlib import Path

import pytest
from support.store import House, prompt, start_of

from opta_core.errors import OptaError, Refused
from opta_core.paths import Paths
from opta_core.policy import grants
from opta_core.policy.actions import normalise
from opta_gateway.decisions import Decisions
from opta_protocol import events as e
from opta_protocol.tools.shell import RUN_COMMAND

SID = "abcdef"
ASKED = e.PermissionRequest(sid=SID, turn="t1", requestId="r1", callId="c1", name="x", args={}, reason="", rule="", layer="", expiresAt="")
ANSWER = e.PermissionDecision(sid=SID, turn="t1", requestId="r1", callId="c1", decision="allow", by="client", scope="always")


def granted(folder: Path, command: str = "ls -l") -> list[grants.Grant]:
    return grants.for_request(normalise(RUN_COMMAND, {"command": command}, str(folder)))


async def asking(folder: Path) -> House:
    house = House(folder)
    await house.gateway.written(start_of(SID))
    await house.gateway.written(prompt(SID))
    await house.agent.written(ASKED)
    return house


def test_an_always_is_granted_and_then_decided(tmp_path: Path) -> None:
    async def story() -> None:
        house = await asking(tmp_path)
        result = await Decisions(house.gateway, Paths(tmp_path), asyncio.Lock()).write(ANSWER, granted(tmp_path))
        assert result.status == "written"
        assert [grant.id for grant in grants.read(Paths(tmp_path))] == [granted(tmp_path)[0].id]
        house.close()

    asyncio.run(story())


@pytest.mark.parametrize("reason", ["too many", "damaged", "no folder"])
def test_an_always_that_cannot_be_granted_is_not_decided(tmp_path: Path, reason: str) -> None:
    paths = Paths(tmp_path)
    (file := tmp_path / "policies" / "grants.json").parent.mkdir()
    if reason == "too many":
        grants.add(paths, [grants.Grant(id=str(n), tool="x", cwd="/", label="", since="") for n in range(grants.GRANTS_MAX)])
    elif reason == "damaged":
        file.write_text("[{")
    else:
        file.mkdir()

    async def story() -> None:
        house = await asking(tmp_path)
        with pytest.raises(OptaError):
            await Decisions(house.gateway, paths, asyncio.Lock()).write(ANSWER, granted(tmp_path))
        assert (await house.client.session(SID)).state == "waiting"
        assert b"permission.decision" not in b"".join(house.local.journal(SID))
        house.close()

    asyncio.run(story())


def test_of_two_answers_the_second_neither_decides_nor_takes_back_the_grant_of_the_first(tmp_path: Path) -> None:
    async def story() -> None:
        house = await asking(tmp_path)
        decisions, new, other = Decisions(house.gateway, Paths(tmp_path), asyncio.Lock()), granted(tmp_path), granted(tmp_path, "ls -a")
        results = await asyncio.gather(decisions.write(ANSWER, new), decisions.write(ANSWER, new), decisions.write(ANSWER, other))
        assert [result.status for result in results] == ["written", "refused", "refused"]
        assert [grant.id for grant in grants.read(Paths(tmp_path))] == [new[0].id]
        house.close()

    asyncio.run(story())


def test_a_store_that_does_not_answer_leaves_no_grant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opta_gateway.decisions.WRITE_S", 0.05)

    async def story() -> None:
        from opta_protocol.topics import STORE_IN

        house = await asking(tmp_path)
        house.bus.router(STORE_IN, lambda peer, frames: None)
        with pytest.raises(OptaError, match="does not answer"):
            await Decisions(house.gateway, Paths(tmp_path), asyncio.Lock()).write(ANSWER, granted(tmp_path))
        assert grants.read(Paths(tmp_path)) == []
        house.close()

    asyncio.run(story())


def test_what_was_granted_before_stays_when_the_answer_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        house = await asking(tmp_path)
        paths, new = Paths(tmp_path), granted(tmp_path)
        assert grants.add(paths, new) == [new[0].id]
        await house.gateway.written(ANSWER)
        assert (await Decisions(house.gateway, paths, asyncio.Lock()).write(ANSWER, new)).status == "refused"
        assert [grant.id for grant in grants.read(paths)] == [new[0].id]
        house.close()

    asyncio.run(story())


def test_a_grant_that_is_refused_names_the_command_that_helps(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    grants.add(paths, [grants.Grant(id=str(n), tool="x", cwd="/", label="", since="") for n in range(grants.GRANTS_MAX)])
    with pytest.raises(Refused, match="opta policy revoke"):
        grants.add(paths, granted(tmp_path))
