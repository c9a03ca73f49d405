"""LMX serves any mlx-lm folder by its name under `models/`: here a Qwen3 of random weights, made on the spot."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.daemon import Daemon

from opta_lmx.library import PROBE

pytestmark = pytest.mark.system

MAKE = """
import sys, json, mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models import qwen3
config = json.load(open(sys.argv[1] + "/config.json"))
mx.random.seed(1)
model = qwen3.Model(qwen3.ModelArgs.from_dict(config))
mx.save_safetensors(sys.argv[1] + "/model.safetensors", dict(tree_flatten(model.parameters())), {"format": "mlx"})
"""


def make_random_qwen3(folder: Path) -> None:
    """A folder that mlx-lm loads: 0.5 M random parameters with the probe's tokenizer."""
    folder.mkdir(parents=True)
    probe = json.loads((PROBE / "config.json").read_text())
    config = {
        "model_type": "qwen3", "hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 16, "rms_norm_eps": 1e-6, "vocab_size": probe["vocab_size"], "max_position_embeddings": 512, "rope_theta": 10000.0,
        "tie_word_embeddings": True, "eos_token_id": probe["eos_token_id"],
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(PROBE / name, folder / name)
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True, timeout=120)


def test_a_folder_under_models_is_served_by_its_name(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, config='default-model = "lmx/tiny"\n[lmx]\nmodel = "tiny"\n')
    make_random_qwen3(daemon.home / "models/tiny")
    with daemon:
        sid = daemon.session(mode="do")
        events = daemon.follow(sid, daemon.submit(sid, "say anything"))
        assert events[-1]["event"] in ("turn.done", "turn.error"), events[-1]
        starts = [event for event in events if event["event"] == "step.start"]
        assert (starts[0]["provider"], starts[0]["model"]) == ("lmx", "tiny")
        assert any(event["event"] in ("turn.token", "tool.call") for event in events)
        (model,) = daemon.client.get("/v3/models")["models"]
        assert (model["id"], model["capability"], model["contextLimit"]) == ("lmx/tiny", "", 512)
