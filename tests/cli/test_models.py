"""`opta models` and `opta lmx` against an LMX in this process: with admin rights, without them, and in JSON."""

import argparse
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest
from support.gguf_files import SHAPE, write_random_gguf
from support.in_process_lmx import URL, InProcessLmx, in_process_lmx
from support.model_places import gguf_header, write_model
from support.model_server import ModelServer

from opta_cli.commands import lmx as lmx_commands
from opta_cli.commands import model_import
from opta_cli.commands import models as models_commands
from opta_cli.lmx import machine_checks
from opta_core.errors import OptaError
from opta_core.lmx_settings import LmxSettings
from opta_core.paths import Paths
from opta_core.provider_settings import ModelSettings, ProviderSettings
from opta_core.settings import LoadedSettings, Settings, load


@pytest.fixture
def lmx(tmp_path: Path) -> Iterator[InProcessLmx]:
    with in_process_lmx(tmp_path) as made:
        yield made


@pytest.fixture
def key(lmx: InProcessLmx) -> list[str]:
    """The key that every request shows; a test may replace it."""
    return [lmx.keys.admin_key()]


@pytest.fixture
def loaded(lmx: InProcessLmx, key: list[str], tmp_path: Path) -> Iterator[LoadedSettings]:
    """Settings that lead to that LMX over a socket."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {"Authorization": f"Bearer {key[0]}"}
            answer = lmx.handle_request(httpx2.Request(self.command, URL + self.path, headers=headers, content=content))
            self.send_response(answer.status_code)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = Settings(lmx=LmxSettings(host=f"127.0.0.1:{server.server_port}"))
        yield LoadedSettings(settings=settings, paths=Paths(tmp_path), origins={})
        server.shutdown()


def shown(loaded: LoadedSettings, capsys: pytest.CaptureFixture[str], *, as_json: bool = False) -> str:
    """What `opta models list` prints."""
    assert models_commands.show(loaded, argparse.Namespace(json=as_json)) == 0
    return capsys.readouterr().out


def test_an_admin_sees_models_and_memory(loaded: LoadedSettings, capsys: pytest.CaptureFixture[str]) -> None:
    listed = shown(loaded, capsys)
    assert ("lmx/probe" in listed, "on disk, default, probe" in listed, "LMX uses" in listed) == (True, True, True)
    assert json.loads(shown(loaded, capsys, as_json=True))["memory"]["level"] == "ok"


def test_a_key_for_answers_only_sees_the_models(
    lmx: InProcessLmx, key: list[str], loaded: LoadedSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    for given in (lmx.keys.add("laptop", ["infer"]), "unknown"):
        key[0] = given
        listed = shown(loaded, capsys)
        assert ("lmx/probe" in listed, "LMX uses" in listed) == (True, False)
        found = json.loads(shown(loaded, capsys, as_json=True))
        assert ([model["id"] for model in found["models"]], found["memory"], found["pulls"]) == (["probe"], None, [])


def test_the_models_of_every_provider_are_listed_with_their_context(loaded: LoadedSettings, capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer(lambda messages: [], {"max_model_len": 16384, "capabilities": ["tools"]}) as server:
        providers = {
            "mine": ProviderSettings(type="openai", base_url=server.url, model="gone"),
            "dead": ProviderSettings(type="openai", base_url="http://127.0.0.1:1/v1", model="m"),
        }
        settings = msgspec.structs.replace(loaded.settings, providers=providers, default_model="mine/scripted")
        several = msgspec.structs.replace(loaded, settings=settings)
        lines = [" ".join(line.split()) for line in shown(several, capsys).splitlines()]
        assert "mine/scripted 16384 tokens default, tools" in lines
        assert "mine/gone context unknown" in lines
        assert any(line.startswith("dead: its server does not answer") for line in lines)
        assert "dead/m context unknown" in lines
        limited = msgspec.structs.replace(settings, models={"scripted": ModelSettings(context=2048)})
        assert "mine/scripted 2048 tokens" in " ".join(shown(msgspec.structs.replace(loaded, settings=limited), capsys).split())
        found = json.loads(shown(several, capsys, as_json=True))["providers"]
        assert [(provider["name"], [model["id"] for model in provider["models"]]) for provider in found] == [
            ("mine", ["gone", "scripted"]),
            ("dead", ["m"]),
        ]


def test_without_lmx_the_providers_are_listed_still(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer(lambda messages: []) as server:
        settings = Settings(lmx=LmxSettings(host="127.0.0.1:1"), providers={"mine": ProviderSettings(type="openai", base_url=server.url)})
        lines = shown(LoadedSettings(settings=settings, paths=Paths(tmp_path), origins={}), capsys).splitlines()
    assert lines[0].startswith("lmx: ") and lines[1].startswith("mine/scripted")


def test_models_are_listed_before_any_server_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_model(tmp_path / "models/org/good")
    write_model(tmp_path / "models/bad", tokenizer__json=None)
    (tmp_path / "models/file.gguf").write_bytes(gguf_header())
    (tmp_path / "models/loop").symlink_to("loop")
    # The home's own LMX has not started, and no other program is asked.
    (tmp_path / "config.toml").write_text("[lmx]\nother-models = false\n")
    here = load(variables={"OPTA_HOME": str(tmp_path), "OPTA_LMX_PORT": "1"})
    lines = [" ".join(line.split()) for line in shown(here, capsys).splitlines()]
    assert lines[0].startswith("lmx: LMX at 127.0.0.1:1 does not answer")
    assert "lmx/org/good 0.0 MB 4096 tokens llama, bfloat16, Opta" in lines
    at = lines.index("On this machine, not usable as they are:")
    assert [lines[at + 2], lines[at + 4].split(": ")[0]] == ["it has no tokenizer", "GGUF is not loaded in place"]
    assert lines[-1] == f"! {tmp_path}/models/loop cannot be read (Too many levels of symbolic links)."
    found = json.loads(shown(here, capsys, as_json=True))
    assert ([model["id"] for model in found["found"]], found["models"]) == (["probe", "bad", "file", "org/good"], [])
    assert not (tmp_path / "lmx").exists()


def test_a_gguf_file_becomes_a_model_without_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_random_gguf(tmp_path / "tiny-Q8_0.gguf", "qwen3", {**SHAPE, "model_type": "qwen3", "vocab_size": 320}, weights="Q8_0")
    here = load(variables={"OPTA_HOME": str(tmp_path / "home"), "OPTA_LMX_PORT": "1"})
    options = argparse.Namespace(file=str(tmp_path / "tiny-Q8_0.gguf"), name="", dtype="float32", plain=False)
    assert model_import.import_file(here, options) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"tiny is here, at {tmp_path}/home/models/tiny. qwen3, quantisation not stated, computed in float32: ")
    assert (printed.out.splitlines()[-1], printed.err) == ("Use it: opta models use tiny", "")
    with pytest.raises(OptaError, match="There is a model 'tiny' already"):
        model_import.import_file(here, options)
    with pytest.raises(OptaError, match="There is no file 'absent'"):
        model_import.import_file(here, argparse.Namespace(file="absent", name="", dtype="", plain=False))
    assert [path.name for path in (tmp_path / "home/models").iterdir()] == ["tiny"]


def test_a_model_is_loaded_shown_and_unloaded(loaded: LoadedSettings, capsys: pytest.CaptureFixture[str]) -> None:
    name = argparse.Namespace(name="probe", pin=True, json=False)
    models_commands.load(loaded, name)
    lmx_commands.status(loaded, name)
    models_commands.unload(loaded, name)
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[-1]) == ("probe is loaded: 0.0 MB, 4096 tokens of context.", "probe is unloaded.")
    assert lines[2].startswith("  probe: loaded, 0 MB, 0 requests")


def test_keys_are_made_listed_and_revoked(loaded: LoadedSettings, capsys: pytest.CaptureFixture[str]) -> None:
    named = argparse.Namespace(name="laptop", admin=False, json=False)
    lmx_commands.add_key(loaded, named)
    lmx_commands.list_keys(loaded, named)
    lmx_commands.remove_key(loaded, named)
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0].startswith("lmx-"), lines[2].split()[:2], lines[-1]) == (True, ["laptop", "infer,"], "The key 'laptop' is revoked.")


def test_the_doctor_asks_lmx_with_any_key(key: list[str], loaded: LoadedSettings) -> None:
    assert [passed for name, passed, _ in machine_checks.checks_of(loaded) if name == "LMX"] == [True]
    key[0] = "unknown"
    assert ("LMX", False) in [(name, passed) for name, passed, _ in machine_checks.checks_of(loaded)]
