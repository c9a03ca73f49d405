"""Routes to models: what LMX reports of a model in `/v1/models` is part of its route."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.model_server import ModelServer, Say

from opta_agent.router import ModelRouter, Route
from opta_core.net.lmx_endpoint import Endpoint
from opta_core.paths import Paths
from opta_core.secrets.vault import Vault
from opta_core.settings import Settings


def route_of(home: Path, about: dict[str, Any]) -> Route:
    async def story(url: str) -> Route:
        router = ModelRouter(Settings(), lambda: Endpoint(root=url.removesuffix("/v1")), Vault(Paths(home), allows_file=True))
        try:
            return await router.route("lmx/scripted")
        finally:
            router.close()

    with ModelServer(lambda messages: [Say("hello")], about) as server:
        return asyncio.run(story(server.url))


@pytest.mark.parametrize(
    ("about", "tools"),
    [({}, None), ({"tools": ["grep"]}, ("grep",)), ({"tools": []}, ()), ({"tools": "all"}, None), ({"tools": None}, None)],
)
def test_a_route_knows_which_tools_its_model_can_use(tmp_path: Path, about: dict[str, Any], tools: tuple[str, ...] | None) -> None:
    assert route_of(tmp_path, about).tools == tools
