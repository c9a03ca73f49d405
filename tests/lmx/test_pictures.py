"""Pictures over HTTP: each API's form reaches a model that sees, and every other model refuses it by name."""

import asyncio
import json
import random
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.in_process_lmx import InProcessLmx, SendMessages, in_process_lmx, mlx_engine
from support.limits import limit_s
from support.random_vision import make_random_vision
from support.seen import base64_of, data_url, encoded, picture

from opta_core.errors import OptaError
from opta_core.model_servers import server_model
from opta_lmx.api import picture as api_picture
from opta_lmx.engine.templates import picture_marks
from opta_lmx.engine.vision.vision_engine import VisionEngine
from opta_lmx.engine_client.engine_supervisor import EngineSupervisor
from opta_lmx.engine_client.in_process import LocalEngine
from opta_lmx.ipc.messages import Delta, EngineConfig, Finished, Generate, PictureFile
from opta_lmx.models import sight
from opta_lmx.models.found.model_files import look_at

SEEN = picture()
PART = {"type": "image_url", "image_url": {"url": data_url(SEEN)}}
# The kinds of the engines that were made.
made: list[tuple[str, str]] = []


def engine(config: EngineConfig, send: SendMessages) -> LocalEngine:
    made.append((config.name, config.kind))
    return VisionEngine(config, send) if config.kind == "vision" else mlx_engine(config, send)


@pytest.fixture(scope="module")
def lmx(tmp_path_factory: pytest.TempPathFactory) -> Generator[InProcessLmx]:
    home = tmp_path_factory.mktemp("home")
    (home / "models").mkdir()
    for family in ("qwen2_vl", "smolvlm"):
        make_random_vision(family, home / "models" / family)
    with in_process_lmx(home, engine) as made_lmx:
        yield made_lmx


def chat(lmx: InProcessLmx, content: Any, model: str = "qwen2_vl", **more: Any) -> Any:
    body = {"model": model, "max_tokens": 6, "messages": [{"role": "user", "content": content}], **more}
    return lmx.client().post("/v1/chat/completions", json=body)


def prompt_tokens(answer: dict[str, Any]) -> int:
    """Of an answer of any API; Anthropic's counts those of the cache apart."""
    usage = answer.get("usage") or {"prompt_tokens": answer.get("prompt_eval_count")}
    return usage.get("prompt_tokens") or usage["input_tokens"] + usage.get("cache_read_input_tokens", 0)


FORMS: list[tuple[str, dict[str, Any]]] = [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [PART, {"type": "text", "text": "x"}]}]}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": data_url(SEEN)}, "x"]}]}),
    ("/api/v0/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image", "image": data_url(SEEN)}, "x"]}]}),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": [{"type": "image", "data": base64_of(SEEN), "mimeType": "image/png"}, "x"]}]},
    ),
    (
        "/v1/messages",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64_of(SEEN)}},
                        {"type": "text", "text": "x"},
                    ],
                }
            ]
        },
    ),
    ("/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": data_url(SEEN)}, {"type": "input_text", "text": "x"}]}]}),
    ("/api/chat", {"messages": [{"role": "user", "content": "x", "images": [base64_of(SEEN)]}], "stream": False}),
    ("/api/generate", {"prompt": "x", "images": [base64_of(SEEN)], "stream": False}),
]  # fmt: skip


def test_the_forms_of_every_api_are_one_prompt(lmx: InProcessLmx) -> None:
    tokens: list[int] = []
    for path, body in FORMS:
        answer = lmx.client().post(
            path, json={"model": "qwen2_vl", "max_tokens": 4, "max_output_tokens": 4, "options": {"num_predict": 4}, **body}
        )
        assert answer.status_code == 200, (path, answer.text)
        tokens.append(prompt_tokens(answer.json()))
    assert len(set(tokens)) == 1
    # The picture has at least as many tokens as the shortest one, and they are counted without being computed.
    counted = lmx.client().post("/v1/messages/count_tokens", json={"model": "qwen2_vl", **FORMS[4][1]}).json()
    assert counted == {"input_tokens": tokens[0]}


def written() -> list[dict[str, Any]]:
    """The same picture as clients write it: other case, parameters, line breaks, the alphabet of URLs, no padding, no type of the part."""
    content = base64_of(SEEN)
    lines = "\r\n".join(content[at : at + 76] for at in range(0, len(content), 76))
    urls = [
        f"DATA:Image/PNG;BASE64,{content}",
        f"data:image/png;charset=utf-8;base64,{content}",
        f"data:image/png;name=a.png;base64,{lines}",
        f"data:;base64,{content}",
        f"data:image/jpg;base64,{content.rstrip('=')}",
        f"data:image/png;base64,{content.replace('+', '-').replace('/', '_')}",
        f"data:image/png;base64,{content.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}",
    ]
    return [{"type": "image_url", "image_url": {"url": url, "detail": "high"}} for url in urls] + [{"image_url": PART["image_url"]}]


@pytest.mark.parametrize("part", written())
def test_data_urls_are_read_as_clients_write_them(lmx: InProcessLmx, part: dict[str, Any]) -> None:
    once, again = (chat(lmx, [each, {"type": "text", "text": "x"}]) for each in (PART, part))
    assert again.status_code == 200, again.text
    assert again.json()["choices"][0]["message"] == once.json()["choices"][0]["message"]


def test_texts_go_to_the_engine_for_texts_and_pictures_to_the_other(lmx: InProcessLmx) -> None:
    made.clear()
    lmx.call(lmx.pool.unload("qwen2_vl"))
    lmx.call(lmx.pool.unload("smolvlm"))
    assert chat(lmx, "only words").status_code == 200
    assert made == [("qwen2_vl", "text")]
    answer = chat(lmx, [PART])
    assert (answer.json()["model"], answer.headers["x-lmx-model"]) == ("qwen2_vl", "qwen2_vl")
    assert made == [("qwen2_vl", "text"), ("qwen2_vl (pictures)", "vision")]
    # mlx-lm does not know this family: the engine that sees computes its texts, too.
    assert chat(lmx, "only words", "smolvlm").status_code == chat(lmx, [PART], "smolvlm").status_code == 200
    assert made[2:] == [("smolvlm", "vision")]
    key = {"Authorization": f"Bearer {lmx.keys.admin_key()}"}
    listed = {model["id"]: model for model in lmx.client().get("/admin/models", headers=key).json()["models"]}
    assert (listed["qwen2_vl"]["state"], listed["smolvlm"]["state"]) == ("loaded", "loaded")
    assert lmx.client().post("/admin/models/unload", headers=key, json={"model": "qwen2_vl"}).status_code == 200
    assert "qwen2_vl (pictures)" not in lmx.pool.engines and "qwen2_vl" not in lmx.pool.engines


def test_streams_and_calls_and_schemas_work_with_pictures(lmx: InProcessLmx) -> None:
    streamed = chat(lmx, [PART], stream=True, stream_options={"include_usage": True})
    assert streamed.text.rstrip().endswith("data: [DONE]") and '"prompt_tokens":' in streamed.text
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    answer = chat(lmx, [PART], response_format=form, max_tokens=40)
    assert json.loads(answer.json()["choices"][0]["message"]["content"]).keys() == {"a"}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    call = chat(lmx, [PART], tools=tools, tool_choice="required", max_tokens=60).json()["choices"][0]["message"]["tool_calls"][0]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"]).keys()) == ("f", {"a"})
    assert len(chat(lmx, [PART], n=2, seed=3, temperature=1).json()["choices"]) == 2


def test_pictures_in_results_of_tools_are_seen(lmx: InProcessLmx) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    talk = [{"role": "user", "content": "look"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    sizes = [
        chat(lmx, "", messages=[*talk, {"role": "tool", "tool_call_id": "c1", "content": content}]).json()["usage"]["prompt_tokens"]
        for content in ([{"type": "text", "text": "a"}], [{"type": "text", "text": "a"}, PART])
    ]
    assert sizes[1] > sizes[0] + 4
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64_of(SEEN)}}
    used = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    for is_error in (False, True):
        result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "a"}, block], "is_error": is_error}
        messages = [{"role": "user", "content": "look"}, {"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]
        answer = lmx.client().post("/v1/messages", json={"model": "qwen2_vl", "max_tokens": 4, "messages": messages})
        assert answer.status_code == 200 and "x-lmx-ignored" not in answer.headers
        assert prompt_tokens(answer.json()) > sizes[0] + 4
    items = [
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_image", "image_url": data_url(SEEN)}]},
    ]
    answer = lmx.client().post("/v1/responses", json={"model": "qwen2_vl", "max_output_tokens": 4, "input": ["look", *items]})
    assert prompt_tokens(answer.json()) > sizes[0]
    # One that is only named leaves a note, as for a model that does not see.
    named = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/x.png"}}
    answer = chat(lmx, "", messages=[*talk, {"role": "tool", "tool_call_id": "c1", "content": [named]}])
    assert (answer.status_code, answer.headers["x-lmx-ignored"]) == (200, "messages[2].content (image_url)")


REFUSED: list[tuple[Any, str]] = [
    ("http://127.0.0.1:9/x.png", "is an address"),
    ("https://127.0.0.1:9/x.png", "is an address"),
    ("file:///etc/passwd", "is an address"),
    ("/etc/passwd", "is an address"),
    ("", "no content"),
    (None, "no content"),
    (7, "no content"),
    ("data:image/png,abc", "in base64"),
    ("data:,", "in base64"),
    ("data:image/png;base64,", "no content"),
    ("data:image/png;base64,####", "not valid base64"),
    ("data:image/svg+xml;base64,AAAA", "PNG, JPEG, WebP or GIF"),
    ("data:text/html;base64,AAAA", "PNG, JPEG, WebP or GIF"),
    ("data:image/png;base64,AAAA", "no PNG, JPEG, WebP or GIF"),
    (data_url(SEEN[:90]), "cannot be read"),
    (data_url(encoded(Image.new("1", (9000, 9000)))), "at most 64 million"),
]  # fmt: skip


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_what_is_no_picture_here_is_refused_by_name(lmx: InProcessLmx, url: Any, reason: str) -> None:
    for content in ([{"type": "image_url", "image_url": {"url": url}}], [PART, {"type": "input_image", "image_url": url}]):
        answer = chat(lmx, content)
        assert answer.status_code == 400
        message = answer.json()["error"]["message"]
        assert message.startswith("Field 'messages[0].content'") and reason in message, message
    assert chat(lmx, [PART]).status_code == 200


def test_pictures_elsewhere_are_refused_by_name(lmx: InProcessLmx) -> None:
    for role in ("system", "assistant"):
        answer = chat(lmx, "", messages=[{"role": role, "content": [PART]}, {"role": "user", "content": "x"}])
        assert answer.status_code == 400 and "messages of the user" in answer.json()["error"]["message"]
    answer = lmx.client().post("/v1/tokenize", json={"model": "qwen2_vl", "messages": [{"role": "user", "content": [PART]}]})
    assert answer.status_code == 400 and "count_tokens" in answer.text
    answer = lmx.client().post("/api/generate", json={"model": "qwen2_vl", "prompt": "x", "raw": True, "images": [base64_of(SEEN)]})
    assert answer.status_code == 400 and "raw" in answer.text
    stored = {"type": "input_image", "file_id": "file-1"}
    answer = lmx.client().post("/v1/responses", json={"model": "qwen2_vl", "input": [{"role": "user", "content": [stored]}]})
    assert answer.status_code == 400 and "stored file" in answer.text
    # Parts of our own between server and engine mean nothing in a request.
    answer = chat(lmx, [{"type": "picture", "number": 0}, PART])
    assert answer.status_code == 400 and "'picture'" in answer.text
    answer = chat(lmx, [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}])
    assert answer.status_code == 400 and "audio" in answer.text


def test_limits_of_number_and_size(lmx: InProcessLmx) -> None:
    small = {"type": "image_url", "image_url": {"url": data_url(encoded(Image.new("RGB", (28, 28))))}}
    most = api_picture.PICTURES_MAX
    assert most == picture_marks.MARKS_MAX
    assert chat(lmx, [small] * most, max_tokens=1).status_code == 200
    assert f"at most {most} pictures" in chat(lmx, [small] * (most + 1)).text
    # More than the pictures of a text model's body could be; the context of this model is too short for many.
    noise = encoded(Image.effect_noise((3000, 2800), 90).convert("RGB"))
    assert len(noise) > 8 * 1024 * 1024
    assert chat(lmx, [{"type": "image_url", "image_url": {"url": data_url(noise)}}], max_tokens=1).status_code == 200
    answer = lmx.client().post("/v1/chat/completions", content=b'{"model": "' + b"x" * (33 * 1024**2) + b'"}')
    assert answer.status_code == 413


@pytest.mark.parametrize(("path", "body"), FORMS)
def test_other_models_refuse_pictures_by_name(lmx: InProcessLmx, path: str, body: dict[str, Any]) -> None:
    answer = lmx.client().post(path, json={"model": "probe", "max_tokens": 4, **body})
    assert answer.status_code == 400 and "probe does not see pictures" in answer.text


def test_a_model_that_could_see_names_what_is_missing(lmx: InProcessLmx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "is_installed", lambda: False)
    lmx.call(lmx.pool.catalog.refresh())
    message = chat(lmx, [PART]).json()["error"]["message"]
    assert "qwen2_vl sees pictures, but mlx-vlm is not installed" in message and "./opta vision" in message


def test_clients_find_out_which_models_see(lmx: InProcessLmx) -> None:
    client = lmx.client()
    entries = {model.id: model for model in server_model.of_list(client.get("/v1/models").json())}
    assert {name: entry.vision for name, entry in entries.items()} == {"probe": False, "qwen2_vl": True, "smolvlm": True}
    assert {entry["id"]: entry["type"] for entry in client.get("/api/v0/models").json()["data"]} == {
        "probe": "llm",
        "qwen2_vl": "vlm",
        "smolvlm": "vlm",
    }
    shown = {name: client.post("/api/show", json={"model": name}).json()["capabilities"] for name in ("probe", "qwen2_vl")}
    assert ["vision" in shown[name] for name in ("probe", "qwen2_vl")] == [False, True]


def test_a_model_without_the_weights_or_the_settings_of_its_part_does_not_see(tmp_path: Path) -> None:
    make_random_vision("qwen2_vl", tmp_path / "whole")
    config = json.loads((tmp_path / "whole/config.json").read_text())
    assert sight.has_part(tmp_path / "whole", config)
    assert not sight.has_part(tmp_path / "whole", {**config, "vision_config": None})
    (tmp_path / "whole/model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"model.layers.0.mlp.weight": "model.safetensors"}})
    )
    assert not sight.has_part(tmp_path / "whole", config)
    (tmp_path / "whole/model.safetensors.index.json").unlink()
    (tmp_path / "whole/preprocessor_config.json").unlink()
    assert not sight.has_part(tmp_path / "whole", config)


def test_families_have_the_names_that_mlx_vlm_gives_them() -> None:
    from mlx_vlm.utils import MODEL_REMAPPING

    assert {name: MODEL_REMAPPING.get(name) for name in sight.SAME_AS} == sight.SAME_AS


def test_the_engine_process_answers_and_survives_what_is_broken(tmp_path: Path) -> None:
    make_random_vision("qwen2_vl", tmp_path / "m")

    async def run() -> tuple[Any, str, Any]:
        supervisor = EngineSupervisor(EngineConfig(name="m", folder=str(tmp_path / "m"), kind="vision"), lambda kind, **fields: None)
        supervisor.start()
        try:
            async with asyncio.timeout(limit_s(60)):
                await supervisor.until_loaded()
                messages = [{"role": "user", "content": [{"type": "picture", "number": 0}]}]
                ends: list[Any] = []
                for data in (base64_of(SEEN), base64_of(b"broken"), base64_of(SEEN)):
                    order = Generate(id=0, messages=messages, pictures=[PictureFile(where="here", data=data)], max_tokens=4)
                    try:
                        with supervisor.generate([order]) as stream:
                            ends.append([event async for events in stream for _, event in events])
                    except OptaError as error:
                        ends.append(error.message)
                return ends[0], ends[1], ends[2]
        finally:
            await supervisor.stop()

    first, broken, last = asyncio.run(run())
    assert isinstance(first[-1], Finished) and any(isinstance(event, Delta) for event in first)
    assert "Field 'here': picture 1 of the request cannot be read" in broken
    assert "".join(event.text for event in last[:-1]) == "".join(event.text for event in first[:-1])


VALUES: list[Any] = [
    None, "", 0, -1, True, [], {}, "image", "image_url", "input_image", "base64", "url", "file", "image/png", "text/plain", "data:image/png;base64,AAAA",
    "http://127.0.0.1:9/x", data_url(SEEN), base64_of(SEEN), {"url": data_url(SEEN)}, {"url": 7}, {"type": "base64", "data": base64_of(SEEN)},
    {"type": "base64", "media_type": 7, "data": "AAAA"}, {"type": "url", "url": "x"}, "\ufdd0", "<|image_pad|>", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_no_form_of_a_part_breaks_an_answer(lmx: InProcessLmx, seed: int) -> None:
    chance = random.Random(seed)
    keys = ("image_url", "source", "data", "mimeType", "url", "image", "file_id", "text", "number", "detail")
    for _ in range(40):
        parts: list[Any] = []
        for _ in range(chance.randint(1, 3)):
            kind = chance.choice(["image", "image_url", "input_image", "text", "picture", None, 7])
            parts.append({"type": kind, **{key: chance.choice(VALUES) for key in chance.sample(keys, chance.randint(0, 4))}})
        message = {
            "role": chance.choice(["user", "user", "tool", "system"]),
            "content": parts,
            "images": chance.choice([None, [], parts, [base64_of(SEEN)]]),
        }
        path = chance.choice(["/v1/chat/completions", "/v1/messages", "/v1/responses", "/api/chat"])
        body = {"model": "qwen2_vl", "max_tokens": 1, "max_output_tokens": 1, "options": {"num_predict": 1}, "stream": False}
        body |= {"input": [message]} if path == "/v1/responses" else {"messages": [message]}
        answer = lmx.client().post(path, content=json.dumps(body).encode(), headers={"content-type": "application/json"})
        assert answer.status_code in (200, 400), (path, parts, answer.text)


def test_an_adapter_and_a_picture_are_not_for_one_request(tmp_path: Path) -> None:
    make_random_vision("qwen2_vl", tmp_path / "models/qwen2_vl")
    make_random_vision("smolvlm", tmp_path / "models/smolvlm")
    (tmp_path / "models/style").mkdir()
    (tmp_path / "models/style/adapter_config.json").write_text("{}")
    with in_process_lmx(tmp_path, engine) as lmx:
        answer = chat(lmx, [PART], "qwen2_vl+style")
        assert answer.status_code == 400 and "with which LMX sees no pictures" in answer.text
        answer = chat(lmx, "words", "smolvlm+style")
        assert answer.status_code == 400 and "uses no adapters" in answer.text


def test_a_family_of_mlx_vlm_alone_is_listed_with_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_random_vision("smolvlm", tmp_path / "m")
    assert look_at(tmp_path / "m").problem == ""
    monkeypatch.setattr(sight, "is_installed", lambda: False)
    (tmp_path / "m/added.txt").write_text("")
    assert "no architecture 'smolvlm'" in (problem := look_at(tmp_path / "m").problem) and "./opta vision" in problem
