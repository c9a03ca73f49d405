"""The models of this machine, wherever a program put them: found, described, and never changed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.in_process_lmx import in_process_lmx
from support.model_places import (
    COMMIT,
    LLAMA,
    blob_layer,
    gguf_header,
    hub_repo,
    model_content,
    ollama_model,
    safetensors,
    write_model,
)
from support.privileges import held_by_permissions

from opta_core.inheritance import python
from opta_core.lmx_settings import LmxSettings
from opta_lmx.models.found import architectures
from opta_lmx.models.found.everything import catalog_of, find_all
from opta_lmx.models.found.sources import sources_of
from opta_protocol.lmx import LmxCatalog, LmxFound


class Machine:
    """A machine with a home folder in which programs keep models."""

    def __init__(self, folder: Path):
        self.home, self.models = folder / "user", folder / "models"
        self.hub, self.ollama = self.home / ".cache/huggingface/hub", self.home / ".ollama/models"
        self.studio = self.home / ".lmstudio/models"
        self.environment: dict[str, str] = {}
        self.settings = LmxSettings()
        self.models.mkdir()
        self.home.mkdir()

    def look(self) -> LmxCatalog:
        """The catalog, without the probe."""
        found = catalog_of(find_all(self.models, sources_of(self.settings, self.environment, self.home)), 0)
        return LmxCatalog(models=[model for model in found.models if model.id != "probe"], problems=found.problems)

    def model(self, name: str) -> LmxFound:
        """The model of a name."""
        return next(model for model in self.look().models if model.id == name)

    def problem(self, name: str = "") -> str:
        """Why the only model cannot be run."""
        (model,) = self.look().models
        assert not model.runnable and (not name or model.id == name)
        return model.problem


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    yield Machine(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


def test_each_program_s_models_are_found_under_the_name_that_it_uses(machine: Machine) -> None:
    write_model(machine.models / "plain")
    write_model(machine.models / "owner/nested", {**LLAMA, "quantization": {"bits": 4, "group_size": 64}})
    hub_repo(machine.hub, "org/cached", model_content())
    hub_repo(machine.hub, "gpt2", model_content())
    write_model(machine.studio / "mlx-community/studio", README__md=b"---\nlicense: mit\ntags: []\n---\n")
    (machine.studio / "lmstudio-community/some-GGUF").mkdir(parents=True)
    (machine.studio / "lmstudio-community/some-GGUF/some-Q4_K_M.gguf").write_bytes(gguf_header(general__license="apache-2.0"))
    ollama_model(machine.ollama, "tiny:latest", gguf_header("qwen2"), licence="\n\n MIT License\n more")
    ollama_model(machine.ollama, "person/other:7b", gguf_header("gemma"))
    ollama_model(machine.ollama, "hf.co/org/repo:Q4_K_M", gguf_header("llama", general__name="third"))
    catalog = machine.look()
    assert catalog.problems == []
    assert [(model.id, model.origin, model.format, model.runnable) for model in catalog.models] == [
        ("owner/nested", "Opta", "mlx", True),
        ("plain", "Opta", "mlx", True),
        ("gpt2", "Hugging Face cache", "mlx", True),
        ("org/cached", "Hugging Face cache", "mlx", True),
        ("lmstudio-community/some-GGUF/some-Q4_K_M", "LM Studio", "gguf", False),
        ("mlx-community/studio", "LM Studio", "mlx", True),
        ("hf.co/org/repo:Q4_K_M", "Ollama", "gguf", False),
        ("tiny:latest", "Ollama", "gguf", False),
        ("person/other:7b", "Ollama", "gguf", False),
    ]
    studio, tiny = machine.model("mlx-community/studio"), machine.model("tiny:latest")
    assert (studio.architecture, studio.quantisation, studio.context_length, studio.licence) == ("llama", "bfloat16", 4096, "mit")
    assert (studio.token_bytes, studio.bytes) == (4 * 2 * 2 * 16, len(safetensors()))
    assert machine.model("owner/nested").quantisation == "4-bit"
    assert machine.model("org/cached").revision == COMMIT
    assert (tiny.architecture, tiny.quantisation, tiny.context_length, tiny.licence) == ("qwen2", "Q4_K_M", 2048, "MIT License")
    assert tiny.problem == "GGUF is not loaded in place: opta models import ollama:tiny:latest"
    assert machine.model("lmstudio-community/some-GGUF/some-Q4_K_M").licence == "apache-2.0"


def test_models_of_other_programs_are_served_in_place_and_listed_by_the_server(machine: Machine, tmp_path: Path) -> None:
    hub_repo(machine.hub, "org/cached", model_content())
    hub_repo(machine.hub, "org/strange", model_content({**LLAMA, "model_type": "whisper"}))
    before = tree(machine.home)
    with in_process_lmx(tmp_path, sources=sources_of(LmxSettings(), {}, machine.home)) as lmx, lmx.client(lmx.keys.admin_key()) as client:
        models = {model["id"]: model for model in client.get("/admin/models").json()["models"]}
        assert set(models) == {"probe", "org/cached"}
        shown = models["org/cached"]
        assert (shown["origin"], shown["architecture"], shown["revision"]) == ("Hugging Face cache", "llama", COMMIT)
        assert client.post("/admin/models/load", json={"model": "org/cached"}).json()["state"] == "loaded"
        assert client.post("/admin/models/unload", json={"model": "org/cached"}).status_code == 200
        refused = client.post("/admin/models/load", json={"model": "org/strange"})
        message = "org/strange cannot be loaded: mlx-lm has no architecture 'whisper'. List the models: opta models list"
        assert (refused.status_code, refused.json()["error"]["message"]) == (404, message)
    assert tree(machine.home) == before


def tree(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*"))


def test_the_first_of_one_name_is_used_and_the_others_are_named(machine: Machine) -> None:
    hub_repo(machine.hub, "org/same", model_content())
    write_model(machine.studio / "org/same")
    assert [(model.origin, model.also) for model in machine.look().models] == [("Hugging Face cache", [str(machine.studio / "org/same")])]
    write_model(machine.models / "org/same")
    (model,) = machine.look().models
    assert (model.origin, len(model.also)) == ("Opta", 2)


def test_a_model_that_runs_takes_its_name_from_one_that_does_not(machine: Machine) -> None:
    hub_repo(machine.hub, "org/same", model_content({"model_type": "unheard-of"}))
    write_model(machine.studio / "org/same")
    (model,) = machine.look().models
    assert (model.origin, model.runnable, len(model.also)) == ("LM Studio", True, 1)


def test_a_link_to_a_folder_that_is_found_already_is_no_second_model(machine: Machine) -> None:
    write_model(machine.studio / "org/same")
    (machine.models / "org").mkdir()
    (machine.models / "org/same").symlink_to(machine.studio / "org/same")
    (model,) = machine.look().models
    assert (model.origin, model.also) == ("Opta", [])


def test_variables_and_settings_name_further_folders_and_a_variable_replaces_nothing(machine: Machine, tmp_path: Path) -> None:
    hub_repo(machine.hub, "org/same", model_content())
    hub_repo(tmp_path / "moved/hub", "org/same", model_content())
    hub_repo(tmp_path / "moved/hub", "org/moved", model_content())
    hub_repo(tmp_path / "cache", "org/direct", model_content())
    ollama_model(tmp_path / "ollama", "x:1", gguf_header())
    write_model(tmp_path / "mine/a")
    machine.environment = {"HF_HOME": f"{tmp_path}/moved", "HF_HUB_CACHE": f"{tmp_path}/cache", "OLLAMA_MODELS": f"{tmp_path}/ollama"}
    machine.settings = LmxSettings(model_folders=[f"{tmp_path}/mine"])
    found = {model.id: model for model in machine.look().models}
    assert list(found) == ["a", "org/same", "org/direct", "org/moved", "x:1"]
    assert str(machine.hub) in found["org/same"].path and len(found["org/same"].also) == 1
    machine.settings = LmxSettings(other_models=False, model_folders=[f"{tmp_path}/moved", f"{tmp_path}/ollama"])
    assert [model.id for model in machine.look().models] == ["org/moved", "org/same", "x:1"]
    machine.environment = {"HF_HOME": "relative", "OLLAMA_MODELS": ""}
    machine.settings = LmxSettings(model_folders=[f"{tmp_path}/absent"])
    assert machine.look().problems == [
        f"{tmp_path}/absent does not exist or is not a folder. Correct lmx.model-folders, or the variable that names it."
    ]


def test_lm_studio_s_settings_name_its_folder(machine: Machine, tmp_path: Path) -> None:
    write_model(tmp_path / "disk/org/big")
    (machine.home / ".lmstudio").mkdir()
    (machine.home / ".lmstudio/settings.json").write_text(json.dumps({"downloadsFolder": str(tmp_path / "disk")}))
    write_model(machine.home / ".cache/lm-studio/models/org/old")
    write_model(tmp_path / "studio-home/models/org/pointed")
    (machine.home / ".lmstudio-home-pointer").write_text(f"{tmp_path}/studio-home\n")
    assert [model.id for model in machine.look().models] == ["org/big", "org/pointed", "org/old"]
    (machine.home / ".lmstudio/settings.json").write_text("{half")
    assert [model.id for model in machine.look().models] == ["org/pointed", "org/old"]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"model__safetensors": None}, "it has no weights here"),
        ({"model__safetensors": None, "pytorch_model__bin": b""}, "its weights are not in safetensors files; other formats can run code and are never loaded"),
        ({"model__safetensors": None, "consolidated__safetensors": b""}, "its weight files are not named model*.safetensors"),
        ({"model__safetensors": safetensors(64, cut=1)}, "its weight file model.safetensors is damaged or not whole"),
        ({"model__safetensors": b"\xff" * 9}, "its weight file model.safetensors is damaged or not whole"),
        ({"model__safetensors": b""}, "its weight file model.safetensors is damaged or not whole"),
        ({"tokenizer__json": None}, "it has no tokenizer"),
        ({"config__json": b"{"}, "its config.json is not valid JSON"),
        ({"config__json": b"[" * 100_000}, "its config.json is not valid JSON"),
        ({"config__json": b"[]"}, "its config.json is not a JSON object"),
        ({"config__json": b"{}"}, "its config.json names no architecture (model_type)"),
        ({"config__json": b'{"model_type": "whisper"}'}, "mlx-lm has no architecture 'whisper'"),
        ({"config__json": b'{"model_type": "cache"}'}, "mlx-lm has no architecture 'cache'"),
        ({"config__json": b'{"model_type": "llama", "model_file": "x.py"}'}, "it needs code of its own (model_file), which LMX never runs"),
        ({"config__json": b'{"model_type": "llama", "quantization_config": {"quant_method": "bitsandbytes"}}'}, "its weights are quantised with 'bitsandbytes', which mlx-lm cannot read"),
        ({"model__safetensors__index__json": b'{"weight_map": {"a": "model-1.safetensors", "b": "model.safetensors"}}'}, "1 of its 2 weight files are missing (model-1.safetensors)"),
        ({"model__safetensors": None, "model-00001-of-00003__safetensors": safetensors()}, "2 of its 3 weight files are missing"),
        ({"config__json": None, "model__safetensors": None, "adapter_config__json": b"{}"}, "it is a LoRA adapter. Requests name it with a model: MODEL+org/odd"),
        ({"config__json": None, "model__safetensors": None, "adapter_config__json": b'{"model": "org/base"}'},
         "it is a LoRA adapter, made for org/base. Requests name it with a model: MODEL+org/odd"),
        ({"config__json": None}, "it has no config.json"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_run_says_why(machine: Machine, files: dict[str, bytes | None], problem: str) -> None:
    write_model(machine.studio / "org/odd", **files)
    assert machine.problem("org/odd") == problem


def test_a_download_in_progress_is_named_and_not_offered(machine: Machine) -> None:
    whole = {**model_content(), "model.safetensors.index.json": b'{"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}'}
    folder = hub_repo(machine.hub, "org/half", whole)
    (folder / "blobs/abc.incomplete").write_bytes(b"\0" * 3_000_000)
    reason = "its download is incomplete: 1 unfinished file with 3 MB (1 of its 2 weight files are missing (model-2.safetensors))"
    assert machine.problem("org/half") == reason
    (folder / "blobs" / "0").symlink_to("0")
    (folder / "snapshots" / COMMIT / "model-2.safetensors").symlink_to("../../blobs/1")
    assert machine.problem("org/half") == reason


def test_a_download_that_has_just_begun_is_named(machine: Machine) -> None:
    folder = hub_repo(machine.hub, "org/new", {})
    assert machine.look().models == []
    (folder / "blobs/abc.incomplete").write_bytes(b"")
    assert machine.problem("org/new") == "its download is incomplete: 1 unfinished file with 0 MB"
    (machine.studio / "org/x.part").mkdir(parents=True)
    assert machine.look().problems == [f"{machine.studio}/org/x.part is an unfinished download. Fetch the model again to complete it."]


def test_the_revision_of_main_is_the_one_offered(machine: Machine) -> None:
    hub_repo(machine.hub, "org/two", model_content({**LLAMA, "max_position_embeddings": 1}), commit="a" * 40, ref="")
    hub_repo(machine.hub, "org/two", model_content({**LLAMA, "max_position_embeddings": 2}), commit="b" * 40, ref="main")
    hub_repo(machine.hub, "org/two", model_content({**LLAMA, "max_position_embeddings": 3}), commit="c" * 40, ref="")
    assert (machine.model("org/two").revision, machine.model("org/two").context_length) == ("b" * 40, 2)
    ref = machine.hub / "models--org--two/refs/main"
    ref.write_text("d" * 40)
    os.utime(machine.hub / "models--org--two/snapshots" / ("a" * 40), (9e9, 9e9))
    assert machine.model("org/two").revision == "a" * 40
    ref.write_bytes(b"\xff\xfe")
    assert machine.model("org/two").revision == "a" * 40


def test_folders_that_were_copied_into_the_cache_by_hand_are_found(machine: Machine) -> None:
    write_model(machine.hub / "org/copied")
    write_model(machine.hub / "bare")
    write_model(machine.hub / "models--org--flat")
    hub_repo(machine.hub, "org/usual", model_content())
    (machine.hub / "datasets--org--data/snapshots/x").mkdir(parents=True)
    write_model(machine.hub / "datasets--org--data/snapshots/x")
    (machine.hub / "CACHEDIR.TAG").write_text("")
    found = machine.look()
    assert ([model.id for model in found.models if model.runnable], found.problems) == (["bare", "org/flat", "org/usual", "org/copied"], [])


def test_lm_studio_may_use_the_cache_of_another_program(machine: Machine, tmp_path: Path) -> None:
    hub_repo(tmp_path / "cache/hub", "org/cached", model_content())
    (machine.home / ".lmstudio").mkdir()
    (machine.home / ".lmstudio/settings.json").write_text(json.dumps({"downloadsFolder": str(tmp_path / "cache/hub")}))
    assert [(model.id, model.origin) for model in machine.look().models] == [("org/cached", "Hugging Face cache")]


def test_ollama_s_models_that_are_not_whole_say_so(machine: Machine) -> None:
    store = machine.ollama
    assert str((machine.ollama / "manifests").parent) == str(store)
    ollama_model(store, "cut:1", gguf_header()).write_text(
        json.dumps({"layers": [blob_layer(store, "model", gguf_header()) | {"size": 9}]})
    )
    gone = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{'0' * 64}", "size": 1}
    ollama_model(store, "gone:1", b"").write_text(json.dumps({"layers": [gone]}))
    partial = gone | {"digest": f"sha256:{'1' * 64}"}
    ollama_model(store, "partial:1", b"").write_text(json.dumps({"layers": [partial]}))
    (store / "blobs" / f"sha256-{'1' * 64}-partial").write_bytes(b"")
    ollama_model(store, "escape:1", b"").write_text(json.dumps({"layers": [gone | {"digest": "sha256:../../../etc/passwd"}]}))
    ollama_model(store, "adapter:1", gguf_header(), more=[blob_layer(store, "adapter", b"x")])
    ollama_model(store, "remote:cloud", b"").write_text(json.dumps({"layers": []}))
    ollama_model(store, "tensors:1", b"").write_text(json.dumps({"layers": [{"mediaType": "application/vnd.ollama.image.tensor"}]}))
    ollama_model(store, "bad:1", b"").write_text("[[")
    ollama_model(store, "noise:1", b"not gguf at all")
    problems = {model.id: model.problem for model in machine.look().models}
    assert problems == {
        "adapter:1": "it is another model with a LoRA adapter, which the import cannot join",
        "bad:1": "its manifest is not valid JSON",
        "cut:1": f"the file of its weights is not whole: it has {len(gguf_header())} bytes of 9",
        "escape:1": "its manifest names a blob that is none",
        "gone:1": "the file of its weights is missing",
        "noise:1": problems["noise:1"],
        "partial:1": "its download is incomplete",
        "remote:cloud": "its manifest names no weights on this machine",
        "tensors:1": "its weights are not one GGUF file",
    }
    assert problems["noise:1"].endswith("cannot be read as GGUF: it does not begin like one. Fetch the file again.")


def test_split_and_partial_gguf_files(machine: Machine) -> None:
    folder = machine.studio / "org/big-GGUF"
    folder.mkdir(parents=True)
    for name in ("big-00001-of-00002.gguf", "big-00002-of-00002.gguf"):
        (folder / name).write_bytes(gguf_header())
    (folder / "mmproj-f16.gguf").write_bytes(gguf_header("clip"))
    (folder / "cut.gguf").write_bytes(gguf_header()[:40])
    found = {model.id.rpartition("/")[2]: model for model in machine.look().models}
    assert (set(found), found["big"].importable, found["mmproj-f16"].importable) == ({"big", "cut", "mmproj-f16"}, True, False)
    assert found["cut"].problem == "cut.gguf cannot be read as GGUF: it ends in its header, so it is not whole. Fetch the file again."


def test_bad_folders_give_one_line_each_and_hide_nothing(machine: Machine) -> None:
    write_model(machine.models / "fine")
    (machine.models / "loop").symlink_to("loop")
    (machine.models / "gone").symlink_to("/nowhere/at/all")
    (machine.models / "round").symlink_to(machine.models)
    (machine.models / "file.txt").write_text("")
    (machine.models / os.fsdecode(b"b\xff")).mkdir()
    write_model(machine.models / os.fsdecode(b"m\xff"))
    write_model(machine.models / "line\nfeed")
    found = machine.look()
    assert [model.id for model in found.models if model.runnable and "round" not in model.id] == ["fine"]
    text = "\n".join(found.problems)
    for part in (
        "/loop cannot be read (Too many levels of symbolic links)",
        "/gone is a link to a file or folder that does not exist",
        "has a name that no request can use",
    ):
        assert part in text
    assert len(found.problems) == 4 + sum("/round/" in line for line in found.problems)
    assert msgspec.json.encode(found)


def test_a_folder_without_permission_gives_one_line(machine: Machine) -> None:
    write_model(machine.models / "fine")
    write_model(machine.studio / "org/closed").chmod(0)
    machine.ollama.mkdir(parents=True)
    machine.ollama.chmod(0)
    with held_by_permissions():
        found = machine.look()
    assert [model.id for model in found.models] == ["fine"]
    assert [line.rpartition("(")[2] for line in found.problems] == ["Permission denied)."] * 2


def test_a_changed_folder_is_looked_at_again(machine: Machine) -> None:
    folder = write_model(machine.models / "a")
    assert machine.look().models[0].runnable
    (folder / "model.safetensors").unlink()
    assert machine.problem("a") == "it has no weights here"
    write_model(folder)
    assert machine.look().models[0].runnable


def test_the_program_prints_the_catalog_and_needs_no_server(machine: Machine, tmp_path: Path) -> None:
    hub_repo(tmp_path / "hub", "org/cached", model_content())
    (tmp_path / "config.toml").write_text("[lmx]\nmemory-limit-mb = 1000\n")
    environment = {"HOME": str(machine.home), "OPTA_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "PATH": os.environ["PATH"]}
    done = subprocess.run(python("opta_lmx.models.found"), env=environment, capture_output=True, timeout=60)
    catalog = msgspec.json.decode(done.stdout, type=LmxCatalog)
    assert ([model.id for model in catalog.models], catalog.limit, done.stderr) == (["probe", "org/cached"], 1000 * 1024**2, b"")
    (tmp_path / "config.toml").write_text("[lmx\n")
    done = subprocess.run(python("opta_lmx.models.found"), env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)


def test_the_architectures_are_those_of_mlx_lm() -> None:
    # Importing olmo asks for another package and ends the program.
    ask = (
        "import json, importlib, pkgutil, mlx_lm.models as m, mlx_lm.utils as u\n"
        "names = [i.name for i in pkgutil.iter_modules(m.__path__) if i.name != 'olmo']\n"
        "has = {n: hasattr(importlib.import_module('mlx_lm.models.' + n), 'Model') for n in names}\n"
        "print(json.dumps([has, u.MODEL_REMAPPING]))"
    )
    has, same = json.loads(subprocess.run([sys.executable, "-c", ask], capture_output=True, check=True, timeout=120).stdout)
    assert same == architectures.SAME_AS
    assert {name: architectures.can_load(name) for name in has} == has
    assert not architectures.can_load("olmo")
