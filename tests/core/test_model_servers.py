"""What model servers say about their models, in the form of each product: the context in force, tools, vision, thinking."""

import asyncio
import json
import socket
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from opta_core.model_servers import catalogue
from opta_core.model_servers.address import ServerAddress
from opta_core.model_servers.catalogue import ServerProblem, ServerReport
from opta_core.model_servers.local_servers import Discovered, discover
from opta_core.model_servers.server_model import of_list
from opta_core.net.http_client import HttpClient
from opta_core.provider_settings import ProviderSettings


@contextmanager
def serving(answers: dict[str, Any], server_header: str = "") -> Generator[tuple[str, list[str]]]:
    """A server that answers these paths with JSON, and everything else with 404; (its root, the paths that were asked)."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body: dict[str, Any] = json.loads(self.rfile.read(length)) if length else {}
            path = self.path + (f" {body['model']}" if "model" in body else "")
            asked.append(path)
            content = json.dumps(answers.get(path, {"error": "not found"})).encode()
            self.send_response(200 if path in answers else 404)
            if server_header:
                self.send_header("Server", server_header)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def look(answers: dict[str, Any], kind: str = "openai", wanted: str = "", server_header: str = "") -> tuple[ServerReport, list[str]]:
    async def ask(root: str) -> ServerReport:
        client = HttpClient(root)
        try:
            return await catalogue.look(client, ServerAddress(f"{root}/v1"), kind, 5, wanted)
        finally:
            client.close()

    with serving(answers, server_header) as (root, asked):
        return asyncio.run(ask(root)), asked


def listed(*models: dict[str, Any]) -> dict[str, Any]:
    return {"/v1/models": {"object": "list", "data": list(models)}}


def facts(report: ServerReport) -> dict[str, tuple[int, bool | None, bool | None, bool | None]]:
    return {model.id: (model.context, model.tools, model.vision, model.thinking) for model in report.models}


def test_llama_cpp_tells_the_context_of_a_slot_and_not_the_one_of_the_training() -> None:
    props = {
        "default_generation_settings": {"n_ctx": 8192},
        "total_slots": 4,
        "chat_template": "{% if tools %}…{% if enable_thinking %}",
        "modalities": {"vision": True},
    }
    report, _ = look({**listed({"id": "q.gguf", "owned_by": "llamacpp", "meta": {"n_ctx_train": 40960}}), "/props": props})
    assert (report.kind, facts(report)) == ("llama.cpp", {"q.gguf": (8192, True, True, True)})


def test_lm_studio_tells_what_is_loaded_and_with_which_context() -> None:
    models = [
        {
            "id": "a",
            "type": "llm",
            "state": "loaded",
            "max_context_length": 131072,
            "loaded_context_length": 4096,
            "capabilities": ["tool_use"],
        },
        {"id": "b", "type": "vlm", "state": "not-loaded", "max_context_length": 32768},
        {"id": "e", "type": "embeddings", "state": "not-loaded", "max_context_length": 512},
    ]
    plain = listed(*({"id": model["id"], "object": "model", "owned_by": "organization_owner"} for model in models))
    report, _ = look({**plain, "/api/v0/models": {"data": models}})
    assert (report.kind, facts(report)) == (
        "lmstudio",
        {"a": (4096, True, None, None), "b": (32768, None, True, None), "e": (512, None, None, None)},
    )
    assert [(model.state, model.is_chat) for model in report.models] == [("loaded", True), ("not loaded", True), ("not loaded", False)]


@pytest.mark.parametrize(
    ("parameters", "loaded", "context"),
    [
        ("num_ctx 16384\nstop \"<|im_end|>\"", [], 16384),
        ("temperature 0.6", [], 4096),
        ("temperature 0.6", [{"model": "qwen3:8b", "context_length": 32768}], 32768),
        ("num_ctx 999999", [], 40960),
    ],
)  # fmt: skip
def test_ollama_tells_the_context_that_it_serves_with(parameters: str, loaded: list[dict[str, Any]], context: int) -> None:
    shown = {"parameters": parameters, "model_info": {"qwen3.context_length": 40960}, "capabilities": ["completion", "tools", "thinking"]}
    answers = {
        **listed({"id": "qwen3:8b", "object": "model", "owned_by": "library"}),
        "/api/tags": {"models": [{"name": "qwen3:8b", "model": "qwen3:8b"}]},
        "/api/show qwen3:8b": shown,
        "/api/ps": {"models": loaded},
    }
    report, _ = look(answers)
    assert (report.kind, facts(report)) == ("ollama", {"qwen3:8b": (context, True, False, True)})


def test_ollama_without_a_model_is_a_server_without_models() -> None:
    report, _ = look({"/v1/models": {"object": "list", "data": None}})
    assert report.models == ()


def test_a_server_that_says_its_context_is_asked_nothing_else() -> None:
    report, asked = look(listed({"id": "m", "owned_by": "vllm", "max_model_len": 16384}))
    assert (report.kind, facts(report), asked) == ("vllm", {"m": (16384, None, None, None)}, ["/v1/models"])


def test_a_server_is_known_by_its_header() -> None:
    report, _ = look({**listed({"id": "m"}), "/props": {"default_generation_settings": {"n_ctx": 2048}}}, server_header="llama.cpp")
    assert (report.kind, report.models[0].context) == ("llama.cpp", 2048)


@pytest.mark.parametrize("answer", [{"error": "no"}, "text", {"data": "x"}, 5])
def test_what_is_no_list_of_models_is_a_problem_of_a_server_that_was_reached(answer: Any) -> None:
    with pytest.raises(ServerProblem) as problem:
        look({"/v1/models": answer})
    assert problem.value.is_reached


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"id": "m", "supported_parameters": ["tools", "reasoning"], "architecture": {"input_modalities": ["text", "image"]}}, (True, True, True)),
        ({"id": "m", "capabilities": {"function_calling": True, "vision": False}}, (True, False, None)),
        ({"id": "m", "capabilities": {"limits": {}, "supports": {"tool_calls": True, "vision": True}}}, (True, True, None)),
        ({"id": "m", "capabilities": {"thinking": {"supported": True}, "image_input": {"supported": False}}}, (None, False, True)),
        ({"id": "m", "capabilities": None, "tools": {"a": 1}, "type": 5}, (None, None, None)),
    ],
)  # fmt: skip
def test_capabilities_are_read_in_every_known_form(entry: dict[str, Any], expected: tuple[bool | None, ...]) -> None:
    (model,) = of_list({"data": [entry]})
    assert (model.tools, model.vision, model.thinking) == expected


NO_MODELS: list[Any] = [None, [], {}, "x", {"data": {"id": "m"}}, {"data": [None, 5, [], {}, {"id": ""}, {"id": 7}, {"id": "a\nb"}]}]


@pytest.mark.parametrize("value", NO_MODELS)
def test_entries_that_name_no_model_are_left_out(value: Any) -> None:
    assert of_list(value) == []


def found(ports: dict[int, str], without: set[int] | None = None, **providers: ProviderSettings) -> list[Discovered]:
    return asyncio.run(discover(providers, without=without or set(), ports=ports))


def port_of(root: str) -> int:
    return int(root.rpartition(":")[2])


def test_servers_of_this_machine_are_found_named_and_never_listed_when_they_are_something_else() -> None:
    ollama = {
        **listed({"id": "qwen3:8b", "owned_by": "library"}, {"id": "x; rm -rf ~", "owned_by": "library"}),
        "/api/tags": {"models": []},
        "/api/show qwen3:8b": {"model_info": {}, "capabilities": ["completion"]},
    }
    cars = {"/v1/models": {"data": [{"id": "1", "name": "Saloon"}], "object": "list"}, "/api/tags": {"tags": []}}
    pages: dict[str, Any] = {"/v1/models": {"object": "list", "data": []}}
    with (
        serving(ollama) as (first, _),
        serving(listed({"id": "a b", "object": "model"})) as (second, _),
        serving(pages) as (third, _),
        serving({}) as (fourth, _),
        serving(cars) as (fifth, asked),
        serving({"/v1/models": {"data": [{"id": "m"}]}}) as (bare, _),
        socket.socket() as silent,
    ):
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        ports = {
            port_of(first): "mlx",
            port_of(second): "mlx",
            port_of(third): "",
            port_of(fourth): "jan",
            port_of(fifth): "",
            port_of(bare): "",
        }
        servers = {server.base_url: server for server in found({**ports, silent.getsockname()[1]: "mlx"})}
        assert set(servers) == {f"{first}/v1", f"{second}/v1", f"{bare}/v1"}
        assert (servers[f"{bare}/v1"].label, servers[f"{bare}/v1"].name) == ("Model server", "local")
        assert asked == ["/v1/models"]
        ours, other = servers[f"{first}/v1"], servers[f"{second}/v1"]
        assert (ours.name, ours.label, ours.configured) == ("ollama", "Ollama", "")
        assert ours.command == f"opta config add-provider ollama --type openai --base-url {first}/v1 --model qwen3:8b"
        assert (other.label, other.command.rpartition("--model ")[2]) == ("mlx_lm", "'a b'")

        mine = ProviderSettings(type="openai", base_url=f"{first.replace('127.0.0.1', 'localhost')}/v1")
        (again,) = found(ports, without={port_of(second), port_of(bare)}, ollama=mine)
        assert (again.configured, again.name) == ("ollama", f"ollama-{port_of(first)}")


def test_nothing_is_found_where_nothing_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert found({closed.getsockname()[1]: ""}) == []
