"""Which models there are and which fit: a search over this machine and a hub, and a recommendation with honest figures."""

import argparse
import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import HubServer
from support.limits import limit_s
from support.model_places import LLAMA, gguf_header, hub_repo, model_content, write_model

from opta_cli.commands import model_search
from opta_core import openblas
from opta_core.errors import Refused
from opta_core.settings import LoadedSettings, load
from opta_lmx.models.download.pulls import ENDED_KEPT_S, Pulls
from opta_lmx.models.found.recommendation import advise
from opta_lmx.models.memory_plan import MemoryPlan, Need
from opta_lmx.models.model_events import ModelEvents
from opta_protocol.lmx import LmxCatalog, LmxEvent, LmxFound

GIB = 1024**3
FOUND: list[dict[str, Any]] = [
    {
        "id": "org/small-4bit", "downloads": 1234, "gated": False, "tags": ["mlx", "license:mit"], "config": {"model_type": "qwen3"},
        "safetensors": {"parameters": {"U32": 1_000_000, "BF16": 250_000}, "total": 1_250_000},
    },
    {"id": "org/strange", "gated": "manual", "tags": None, "config": {"model_type": "whisper"}},
    {"id": "org/bare"},
    {"noise": 1}, "noise",
]  # fmt: skip


def settings(folder: Path, hub: str, more: str = "") -> LoadedSettings:
    (folder / "config.toml").write_text(f'[lmx]\nhub = "{hub}"\nother-models = false\n{more}')
    return load(variables={"OPTA_HOME": str(folder), "OPTA_LMX_PORT": "1"})


def searched(
    loaded: LoadedSettings, capsys: pytest.CaptureFixture[str], *words: str, here: bool = False, as_json: bool = False
) -> tuple[int, str]:
    """(exit code, what is printed)."""
    code = model_search.search(loaded, argparse.Namespace(words=list(words), here=here, json=as_json))
    return code, capsys.readouterr().out


def test_a_search_finds_models_here_and_at_the_hub(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_model(tmp_path / "models/org/Qwen3-small")
    write_model(tmp_path / "models/other", tokenizer__json=None)
    with HubServer(tmp_path) as hub:
        hub.models = FOUND
        loaded = settings(tmp_path, hub.url)
        code, text = searched(loaded, capsys, "qwen3", "LLAMA")
        assert hub.queries[0]["search"] == ["qwen3 LLAMA"] and hub.queries[0]["filter"] == ["mlx"] and hub.requests[-1].token == ""
        lines = [" ".join(line.split()) for line in text.splitlines()]
        assert (code, lines) == (
            0,
            [
                "here org/Qwen3-small 0.0 MB llama, bfloat16, 4096 tokens, Opta",
                "hub org/small-4bit about 4.5 MB qwen3, mit, 1234 downloads",
                "hub org/strange size unknown whisper, 0 downloads, gated, mlx-lm has no architecture 'whisper'",
                "hub org/bare size unknown 0 downloads",
                "Fetch one, after its exact size and licence are shown: opta models pull OWNER/NAME",
            ],
        )
        whole = json.loads(searched(loaded, capsys, "other", as_json=True)[1])
        assert [model["problem"] for model in whole["here"]] == ["it has no tokenizer"]
        assert [model["repo"] for model in whole["hub"]["models"]] == ["org/small-4bit", "org/strange", "org/bare"]
        asked = len(hub.requests)
        assert searched(loaded, capsys, "nothing like it", here=True) == (1, "No model matches 'nothing like it'.\n")
        assert len(hub.requests) == asked


def test_a_hub_that_does_not_answer_as_one_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with HubServer(tmp_path) as hub:
        loaded = settings(tmp_path, hub.url)
        for trouble, reason in (((500, ""), "answered 500 for a search for 'x'"), ((403, ""), "answered 403"), ((404, ""), "answered 404")):
            hub.trouble_listing = trouble
            code, text = searched(loaded, capsys, "x")
            assert code == 1 and f"The hub was not searched: {hub.url} {reason}" in text
        hub.trouble_listing = None
        hub.models = {"error": "no list"}  # type: ignore[assignment]
        assert "did not answer with a list of models" in searched(loaded, capsys, "x")[1]
    write_model(tmp_path / "models/x")
    code, text = searched(loaded, capsys, "x")
    assert code == 0 and f"The hub was not searched: {hub.url} is out of reach" in text


def catalog(limit: int, *models: LmxFound) -> LmxCatalog:
    return LmxCatalog(models=list(models), limit=limit)


def model(name: str, size: int, token_bytes: int, context: int = 0, **more: Any) -> LmxFound:
    usual: dict[str, Any] = {"path": "", "origin": "Opta", "format": "mlx", "runnable": True}
    return LmxFound(id=name, bytes=size, token_bytes=token_bytes, context_length=context, **{**usual, **more})


def test_a_recommendation_counts_what_lmx_admits_and_nothing_that_does_not_fit(tmp_path: Path) -> None:
    plan = MemoryPlan(8 * GIB)
    windowed = {**LLAMA, "model_type": "gemma3_text", "sliding_window": 512, "sliding_window_pattern": 2}
    folder = write_model(tmp_path / "windowed", windowed)
    models = [model("big", 7 * GIB, 100_000, 100_000), model("short", GIB, 100_000, 1000), model("words", 1, 1, capability="embedding")]
    models.append(model("windowed", GIB // 2, 256, 100_000, path=str(folder)))
    advice = advise(catalog(8 * GIB, *models), 32_768)
    # One of two layers keeps a window.
    cache = 128 * 32_768 + 128 * (512 + 2048)
    assert [(offer.id, offer.needed, offer.tokens, offer.fits) for offer in advice.here] == [
        ("short", plan.needed(Need(weights=GIB, conversation=100_000 * 1000)), 1000, True),
        ("windowed", plan.needed(Need(weights=GIB // 2, conversation=cache)), 32_768, True),
        ("big", plan.needed(Need(weights=7 * GIB, conversation=100_000 * 32_768)), 32_768, False),
    ]
    assert advice.available == plan.available
    for limit in (GIB, 4 * GIB, 8 * GIB, 16 * GIB, 32 * GIB, 64 * GIB, 512 * GIB):
        offers, plan = advise(catalog(limit)).offers, MemoryPlan(limit)
        assert all(offer.bytes + offer.cache_bytes < offer.needed <= plan.available and offer.licence for offer in offers)
        assert [offer.bytes for offer in offers] == sorted((offer.bytes for offer in offers), reverse=True)
    assert advise(catalog(GIB)).offers == []
    assert "235B" in advise(catalog(384 * GIB)).offers[0].id
    best = advise(catalog(32 * GIB)).offers[0].id
    assert best not in [offer.id for offer in advise(catalog(32 * GIB, model(best, 1, 1))).offers]


def test_the_recommendation_is_printed_for_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_model(tmp_path / "models/mine", LLAMA)
    loaded = settings(tmp_path, "", "memory-limit-mb = 8000\n")
    for as_json in (False, True):
        assert model_search.recommend(loaded, argparse.Namespace(context=4096, json=as_json)) == 0
    lines, whole = capsys.readouterr().out.rsplit("\n", 2)[:2]
    assert "LMX on this machine has 6.3 GB for models." in lines and "here   mine" in lines and "opta models pull mlx-community/" in lines
    assert json.loads(whole)["here"][0]["cache_bytes"] == 4096 * 256
    for context in (0, -1, 10**9):
        with pytest.raises(Refused, match="--context is"):
            model_search.recommend(loaded, argparse.Namespace(context=context, json=False))


def test_a_pull_that_ended_is_not_listed_for_ever(tmp_path: Path) -> None:
    now = [0.0]

    async def scenario() -> list[list[str]]:
        events = ModelEvents()
        pulls = Pulls(tmp_path, "http://127.0.0.1:9", events, clock=lambda: now[0])
        seen: list[list[str]] = []
        pulls.start("org/one", "one", "")
        async with asyncio.timeout(limit_s(60)):
            async for event in events.watch():
                if event is not None and event.state == "failed":
                    break
        for time in (0.0, ENDED_KEPT_S, ENDED_KEPT_S + 1):
            now[0] = time
            seen.append([pull.state for pull in pulls.entries()])
        pulls.start("org/two", "two", "")
        seen.append([pull.state for pull in pulls.entries()])
        await pulls.stop()
        return seen

    assert asyncio.run(scenario()) == [["failed"], ["failed"], [], ["looking"]]


async def _until(events: ModelEvents, is_wanted: Callable[[LmxEvent], bool]) -> None:
    async with asyncio.timeout(limit_s(60)):
        async for event in events.watch():
            if event is not None and is_wanted(event):
                return


def test_a_paused_download_stays_listed_and_goes_on_from_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    files = {"config.json": b'{"model_type": "qwen3"}', "model.safetensors": bytes(3_000_000), "tokenizer.json": b"{}"}
    for name, content in files.items():
        (tmp_path / "repo" / name).write_bytes(content)

    async def scenario(hub: HubServer) -> None:
        events = ModelEvents()
        pulls = Pulls(tmp_path / "models", hub.url, events, clock=lambda: 2 * ENDED_KEPT_S)
        look = await pulls.look("tiny/model", "")
        assert look.free > look.bytes
        hub.pause_s = 0.05
        pulls.start("tiny/model", "model", look.revision)
        await _until(events, lambda event: event.done > 500_000)
        paused = await pulls.pause("model")
        assert (paused.state, pulls.entries()) == ("paused", [paused])
        assert 0 < paused.done < paused.total
        with pytest.raises(Refused, match="No download of 'model' is in progress"):
            await pulls.pause("model")
        hub.pause_s = 0.0
        before = sum(served.size for served in hub.served)
        pulls.start("tiny/model", "model", look.revision)
        await _until(events, lambda event: event.state == "done")
        assert [pull.state for pull in pulls.entries()] == ["done"]
        assert sum(served.size for served in hub.served) - before < paused.total
        assert (tmp_path / "models/model/model.safetensors").read_bytes() == files["model.safetensors"]

    with HubServer(tmp_path / "repo") as hub:
        asyncio.run(scenario(hub))


def test_the_hint_about_openblas_names_the_command_of_the_system(tmp_path: Path) -> None:
    release, folder = tmp_path / "os-release", tmp_path / "lib"
    for text, command in (
        ("ID=debian\n", "apt install libopenblas0-pthread"),
        ('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt install libopenblas0-pthread"),
        ("ID=fedora\n", "dnf install openblas-threads"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper install libopenblas_pthreads0"),
        ("ID=strange\n", "install the package openblas of your system"),
    ):
        release.write_text(text)
        assert openblas.hint("linux", (str(folder),), release).endswith(command)
    assert "of your system" in openblas.hint("linux", (str(folder),), tmp_path / "absent")
    assert openblas.hint("darwin", (str(folder),), release) == ""
    (folder / "openblas-pthread").mkdir(parents=True)
    (folder / "openblas-pthread/libopenblas.so.0").write_bytes(b"")
    assert openblas.hint("linux", (str(folder),), release) == ""
    assert list(openblas.libraries((str(folder),))) == [folder / "openblas-pthread/libopenblas.so.0"]


def test_models_of_other_programs_are_searched_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub_repo(tmp_path / "cache", "org/cached", model_content())
    (tmp_path / "files").mkdir()
    (tmp_path / "files/x.gguf").write_bytes(gguf_header())
    loaded = settings(tmp_path, "http://127.0.0.1:9", f'model-folders = ["{tmp_path}/cache", "{tmp_path}/files"]\n')
    assert "org/cached" in searched(loaded, capsys, "hugging", here=True)[1]
    assert "GGUF is not loaded in place: opta models import" in searched(loaded, capsys, "x", "llama", here=True)[1]
