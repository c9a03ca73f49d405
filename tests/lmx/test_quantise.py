"""A smaller copy of a model: complete or not there, with honest sizes; the model itself stays."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from mlx_lm import load
from support.model_places import gguf_header, hub_repo, write_model
from support.random_model import make_random_qwen3

from opta_core.inheritance import python


def quantise(home: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """(exit code, last line)."""
    environment = {"HOME": str(home), "OPTA_HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(python("opta_lmx.models.quantise", arguments), env=environment, capture_output=True, timeout=240)
    assert done.stderr == b""
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def weights_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


@pytest.mark.parametrize(("bits", "group", "distance"), [(4, 32, 0.5), (8, 64, 0.05)])
def test_a_copy_is_smaller_and_computes_nearly_the_same(bits: int, group: int, distance: float, tmp_path: Path) -> None:
    folder = tmp_path / "models/tiny"
    make_random_qwen3(folder)
    (folder / "opta.json").write_text('{"repo": "org/tiny", "licence": "mit"}')
    (folder / "code.py").write_text("raise SystemExit")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    code, done = quantise(tmp_path, "--bits", str(bits), "--group-size", str(group), "--", "tiny")
    copy = tmp_path / f"models/tiny-{bits}bit"
    assert (code, done["event"], done["name"], done["path"]) == (0, "done", copy.name, str(copy))
    assert (done["bytes_before"], done["bytes"]) == (weights_of(folder), weights_of(copy))
    assert done["bytes"] < done["bytes_before"] * (bits + 64 / group + 1) / 32 + 20_000
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    config = json.loads((copy / "config.json").read_text())
    assert (config["quantization"]["bits"], config["quantization"]["group_size"]) == (bits, group)
    assert json.loads((copy / "opta.json").read_text())["licence"] == "mit"
    assert (copy / "tokenizer.json").read_bytes() == before["tokenizer.json"] and not (copy / "code.py").exists()
    ids = mx.array([[5, 9, 3, 30, 7]])
    want, got = (np.array(load(str(each))[0](ids).astype(mx.float32)) for each in (folder, copy))
    assert np.abs(want - got).max() < distance * np.abs(want).max()
    code, failed = quantise(tmp_path, "--bits", str(bits), "--group-size", str(group), "--name", "again", "--", copy.name)
    assert (code, failed["event"]) == (1, "failed") and "may be quantised already" in failed["message"]
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["tiny", copy.name]


def test_what_cannot_be_quantised_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    models = tmp_path / "models"
    write_model(models / "damaged", {"model_type": "llama"})
    write_model(models / "strange", {"model_type": "whisper"})
    write_model(models / "taken")
    write_model(models / "taken-4bit")
    (models / "file.gguf").write_bytes(gguf_header())
    for name, reason in (
        ("absent", "There is no model 'absent' on this machine"),
        ("strange", "mlx-lm has no architecture 'whisper'"),
        ("file", "Import it first"),
        ("damaged", "damaged cannot be quantised: "),
        ("taken", "There is a model 'taken-4bit' already"),
    ):
        code, failed = quantise(tmp_path, "--", name)
        assert (code, failed["event"], reason in failed["message"], failed["message"].count("\n")) == (1, "failed", True, 0), failed
    assert sorted(path.name for path in models.iterdir()) == ["damaged", "file.gguf", "strange", "taken", "taken-4bit"]


def test_a_model_of_another_program_is_quantised_into_our_folder(tmp_path: Path) -> None:
    made = tmp_path / "made"
    make_random_qwen3(made)
    hub_repo(tmp_path / ".cache/huggingface/hub", "org/cached", {file.name: file.read_bytes() for file in made.iterdir()})
    before = sorted(str(path) for path in (tmp_path / ".cache").rglob("*"))
    code, done = quantise(tmp_path, "--bits", "8", "--", "org/cached")
    assert (code, done["name"]) == (0, "cached-8bit")
    assert json.loads((tmp_path / "models/cached-8bit/opta.json").read_text())["source"] == "org/cached"
    assert sorted(str(path) for path in (tmp_path / ".cache").rglob("*")) == before
