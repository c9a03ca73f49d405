"""LMX serves any mlx-lm folder by its name under `models/`: here a Qwen3 of random weights, made on the spot."""

from pathlib import Path

import pytest
from support.daemon import Daemon
from support.random_model import make_random_qwen3

pytestmark = pytest.mark.system


def test_a_folder_under_models_is_served_by_its_name(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, config='default-model = "lmx/tiny"\n[lmx]\nmodel = "tiny"\n')
    make_random_qwen3(daemon.home / "models/tiny", context=4096)
    with daemon:
        sid = daemon.session(mode="do")
        events = daemon.follow(sid, daemon.submit(sid, "say anything"))
        assert events[-1]["event"] in ("turn.done", "turn.error"), events[-1]
        starts = [event for event in events if event["event"] == "step.start"]
        assert (starts[0]["provider"], starts[0]["model"]) == ("lmx", "tiny")
        assert any(event["event"] in ("turn.token", "tool.call") for event in events)
        models = {model["id"]: model for model in daemon.client.get("/v3/models")["models"]}
        assert set(models) == {"lmx/probe", "lmx/tiny"}
        tiny = models["lmx/tiny"]
        assert (tiny["capability"], tiny["contextLimit"], tiny["default"]) == ("", 4096, True)
