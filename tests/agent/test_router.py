"""Routes to models: what LMX reports of a model in `/v1/models` is part of its route."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from support.byte_server import RESET, STREAM, ByteServer, finish
from support.byte_server import say as say_bytes
from support.model_server import ModelServer, Say

from opta_agent.providers.base import ModelRequest, TextPart
from opta_agent.providers.connected_servers import LOOK_S
from opta_agent.router import ModelRouter, Route
from opta_core.errors import OptaError
from opta_core.lmx_settings import LmxSettings
from opta_core.net.lmx_endpoint import Endpoint
from opta_core.paths import Paths
from opta_core.provider_settings import ModelSettings, ProviderSettings
from opta_core.secrets.vault import Vault
from opta_core.settings import Settings

T = TypeVar("T")


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


class Story:
    """A router over scripted servers. `settings` may be replaced while it runs, as a person edits the configuration."""

    def __init__(self, home: Path, settings: Settings):
        self.home, self.settings = home, settings

    def play(self, story: Callable[[ModelRouter], Awaitable[T]]) -> T:
        async def run() -> T:
            router = ModelRouter(lambda: self.settings, lambda: Endpoint(root=dead_url()), Vault(Paths(self.home), allows_file=True))
            try:
                return await story(router)
            finally:
                router.close()

        return asyncio.run(run())


def dead_url() -> str:
    """An address at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def settings_of(**providers: ProviderSettings) -> Settings:
    return Settings(providers=providers)


def openai(url: str, model: str = "", **fields: Any) -> ProviderSettings:
    return ProviderSettings(type="openai", base_url=url, model=model, **fields)


async def say(route: Route) -> str:
    """What a route's model answers; the error's code when it does not."""
    request = ModelRequest(model=route.model, messages=msgspec.Raw(b'[{"role":"user","content":"hi"}]'), tools=msgspec.Raw(b""))
    try:
        parts = [part async for some in route.provider.stream(request) for part in some]
    except OptaError as error:
        return error.code.value
    return "".join(part.delta for part in parts if isinstance(part, TextPart))


def test_a_dead_provider_is_left_alone_and_the_next_turn_does_not_connect(tmp_path: Path) -> None:
    url = dead_url()
    with ModelServer(lambda messages: [Say("hello")]) as other:

        async def story(router: ModelRouter) -> tuple[str, str, Route]:
            first = await router.route("mine/m")
            assert first.fallback is not None and not first.switched_from
            said = await say(first)
            second = await router.route("mine/m")
            return said, await say(second), second

        said, then, route = Story(
            tmp_path, settings_of(mine=openai(f"{url}/v1", "m", context=100), other=openai(other.url, "scripted", context=100))
        ).play(story)
    assert (said, then) == ("provider_unavailable", "hello")
    assert (route.provider.name, route.switched_from, bool(route.note)) == ("other", "mine/m", True)


def test_the_route_of_a_probe_has_no_fallback_and_is_none_itself(tmp_path: Path) -> None:
    url = dead_url()
    with ModelServer(lambda _: [Say("from the other")]) as other:

        async def story(router: ModelRouter) -> None:
            first = await router.route("mine/m")
            assert first.fallback is not None
            probe = first.without_fallback()
            assert (probe.fallback, probe.model, await say(probe)) == (None, "m", "provider_unavailable")
            switched = await router.route("mine/m")
            assert switched.switched_from == "mine/m"
            with pytest.raises(OptaError, match="mine/m cannot be used"):
                switched.without_fallback()

        Story(tmp_path, settings_of(mine=openai(f"{url}/v1", "m", context=100), other=openai(other.url, "scripted", context=100))).play(
            story
        )
        assert other.requests == []


@pytest.mark.parametrize(("fallback", "reached"), [(None, ["mine", "mine"]), (True, ["mine", "other"]), (False, ["mine", "mine"])])
def test_a_provider_that_answers_with_errors_keeps_its_turns_unless_another_is_a_fallback_by_setting(
    tmp_path: Path, fallback: bool | None, reached: list[str]
) -> None:
    with ByteServer(lambda request: [RESET]) as broken, ModelServer(lambda messages: [Say("hello")]) as other:

        async def story(router: ModelRouter) -> list[str]:
            names: list[str] = []
            for _ in range(2):
                route = await router.route("mine/m")
                names.append(route.provider.name)
                await say(route)
            return names

        settings = settings_of(
            mine=openai(broken.url, "m", context=100), other=openai(other.url, "scripted", context=100, fallback=fallback)
        )
        assert Story(tmp_path, settings).play(story) == reached


def test_a_dead_provider_without_another_is_an_error_at_once_and_is_used_when_it_is_back(tmp_path: Path) -> None:
    url = dead_url()
    story = Story(tmp_path, settings_of(mine=openai(f"{url}/v1", "m", context=100)))

    async def fails(router: ModelRouter) -> tuple[str, str]:
        assert await say(await router.route("mine/m")) == "provider_unavailable"
        try:
            await router.route("mine/m")
        except OptaError as error:
            said = error.message
        else:
            raise AssertionError("it goes to a dead server")
        with ByteServer(lambda request: [STREAM, say_bytes("back"), finish()], port=int(url.rpartition(":")[2])):
            return said, await say(await router.route("mine/m"))

    said, then = story.play(fails)
    assert "mine" in said and "no other provider" in said
    assert then == "back"


def test_lmx_that_a_turn_has_waited_for_in_vain_is_not_waited_for_again_until_it_is_back(tmp_path: Path) -> None:
    is_back = False

    with ModelServer(lambda messages: [Say("hello")]) as lmx, socket.create_server(("127.0.0.1", 0)) as silent:

        async def story() -> tuple[list[str], str]:
            root = f"http://127.0.0.1:{silent.getsockname()[1]}"
            router = ModelRouter(
                Settings(lmx=LmxSettings(host="elsewhere")),
                lambda: Endpoint(root=lmx.url.removesuffix("/v1") if is_back else root),
                Vault(Paths(tmp_path), allows_file=True),
            )
            codes: list[str] = []
            try:
                for limit_s in (LOOK_S * 3, LOOK_S / 2):
                    with pytest.raises(OptaError) as problem:
                        await asyncio.wait_for(router.route("lmx/scripted"), limit_s)
                    codes.append(problem.value.code.value)
                set_back()
                return codes, await say(await router.route("lmx/scripted"))
            finally:
                router.close()

        def set_back() -> None:
            nonlocal is_back
            is_back = True

        assert asyncio.run(story()) == (["provider_unavailable", "provider_unavailable"], "hello")


def test_a_provider_that_answers_with_errors_is_asked_again_though_its_list_is_slow(tmp_path: Path) -> None:
    # Nothing is read of the look at it, so a turn that waited for that would be refused.
    with socket.create_server(("127.0.0.1", 0)) as slow:
        url = f"http://127.0.0.1:{slow.getsockname()[1]}/v1"

        async def story(router: ModelRouter) -> str:
            router.health.failed("mine", "it answered 500", is_dead=False)
            return (await router.route("mine/m")).provider.name

        assert Story(tmp_path, settings_of(mine=openai(url, "m", context=100))).play(story) == "mine"


def test_fallbacks_come_in_the_order_of_the_settings_and_leave_out_those_that_are_not_for_it(tmp_path: Path) -> None:
    async def story(router: ModelRouter) -> list[str]:
        route: Route | None = await router.route("c/m")
        names: list[str] = []
        while route is not None:
            names.append(route.provider.name)
            route = route.fallback
        return names

    url = dead_url()
    settings = settings_of(
        b=openai(url, "m", context=1), a=openai(url, "m", context=1), no=openai(url, "m", fallback=False), none=openai(url), c=openai(url, "m", context=1)
    )  # fmt: skip
    assert Story(tmp_path, settings).play(story) == ["c", "b", "a"]


def test_a_provider_that_is_added_changed_or_removed_is_so_for_the_next_turn(tmp_path: Path) -> None:
    story = Story(tmp_path, settings_of())
    with ModelServer(lambda messages: [Say("one")]) as one, ModelServer(lambda messages: [Say("two")]) as two:

        async def live(router: ModelRouter) -> list[str]:
            said: list[str] = []
            for providers in ({}, {"p": openai(one.url)}, {"p": openai(two.url)}, {}):
                story.settings = settings_of(**providers)
                try:
                    said.append(await say(await router.route("p/scripted")))
                except OptaError as error:
                    said.append(error.code.value)
            return said

        assert story.play(live) == ["model_not_found", "one", "two", "model_not_found"]


def test_an_alias_and_a_bare_name_find_their_model(tmp_path: Path) -> None:
    with ModelServer(lambda messages: [Say("hello")]) as server:

        async def story(router: ModelRouter) -> list[tuple[str, str]]:
            routes = [await router.route(wanted) for wanted in ("fast", "scripted", "p/scripted")]
            return [(route.provider.name, route.model) for route in routes]

        settings = Settings(providers={"p": openai(server.url, "scripted")}, aliases={"fast": "p/scripted"})
        assert Story(tmp_path, settings).play(story) == [("p", "scripted")] * 3


@pytest.mark.parametrize(
    ("about", "model", "limit"),
    [
        ({"max_model_len": 4096}, {}, 4096),
        ({"context_window": "131072"}, {}, 131072),
        ({"top_provider": {"context_length": 9000}}, {}, 9000),
        ({"max_model_len": 4096}, {"p/scripted": ModelSettings(context=2048)}, 2048),
        ({"max_model_len": -5}, {}, 0),
        ({"max_model_len": True}, {}, 0),
        ({"max_model_len": [1], "meta": "x"}, {}, 0),
    ],
)
def test_a_provider_without_a_context_gets_the_one_that_its_server_states(
    tmp_path: Path, about: dict[str, Any], model: dict[str, ModelSettings], limit: int
) -> None:
    with ModelServer(lambda messages: [Say("hello")], about) as server:

        async def story(router: ModelRouter) -> int:
            return (await router.route("p/scripted")).context_limit

        settings = Settings(providers={"p": openai(server.url)}, models=model)
        assert Story(tmp_path, settings).play(story) == limit
