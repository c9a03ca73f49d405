"""GET /v3/sessions/:id/context: the gateway asks the agent, and says when it gets no answer."""

from collections.abc import Iterator

import pytest
from support.gateway import LocalGateway

from opta_agent.context_queries import ContextQueries
from opta_agent.router import Route
from opta_agent.session import AgentSession
from opta_agent.toolset import Offered
from opta_core.bus.bus import LocalBus
from opta_core.bus.store_client import StoreClient
from opta_core.bus.subscription import Subscriptions
from opta_core.errors import Unavailable
from opta_gateway import agent_client
from opta_protocol.error_info import ErrorCode


class NoRoutes:
    """A router without any way to a model."""

    def warm(self) -> None:
        return

    def close(self) -> None:
        return

    async def route(self, wanted: str) -> Route:
        raise Unavailable("lmx does not answer", code=ErrorCode.provider_unavailable)


def answer_for_agent(bus: LocalBus) -> None:
    """An agent that can only be asked."""
    subscriptions = Subscriptions(bus, StoreClient(bus), is_sparse=True)

    async def session_at(sid: str, seq: int) -> AgentSession:
        session = AgentSession(sid, "agent.test")
        await subscriptions.follow(sid, 0, session.take).reached(seq)
        return session

    ContextQueries(bus, "boot0000", session_at, lambda sid: Offered(), NoRoutes(), lambda: 0)


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def test_the_parts_come_from_the_agent(gateway: LocalGateway) -> None:
    sid = gateway.session()

    async def serve() -> None:
        answer_for_agent(gateway.house.bus)

    gateway.run(serve())
    context = gateway.get(f"/v3/sessions/{sid}/context").json()
    assert (context["sessionId"], context["isRunning"], context["problem"]) == (sid, False, "lmx does not answer")
    assert [part["kind"] for part in context["parts"]] == ["tools", "system"]
    assert context["parts"][1]["content"]["content"].startswith("You are Opta")
    assert context["tokens"] == sum(part["tokens"] for part in context["parts"]) > 500


def test_without_an_agent_it_says_so(gateway: LocalGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_client, "SHOW_S", 0.05)
    answer = gateway.get(f"/v3/sessions/{gateway.session()}/context")
    assert answer.status == 503
    assert "The agent does not answer" in answer.json()["error"]["message"]


def test_a_session_that_is_not_there_is_404(gateway: LocalGateway) -> None:
    assert gateway.get("/v3/sessions/zzzzzz/context").refusal == (404, "not_found")
