"""A picture that is attached to a message reaches a model of LMX that sees, through the whole daemon."""

from pathlib import Path

import pytest
from support.daemon import Daemon
from support.oracles import until
from support.random_vision import make_random_vision
from support.seen import picture

pytestmark = pytest.mark.system


def test_an_attached_picture_is_seen_by_a_model_of_lmx(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, config='default-model = "lmx/tiny"\n[lmx]\nmodel = "tiny"\n')
    # Half of its vocabulary ends an answer; instructions have many tokens for a model that reads bytes.
    make_random_vision("qwen2_vl", daemon.home / "models/tiny", max_position_embeddings=131_072, eos_token_id=[256, *range(128)])
    with daemon:
        models = {model["id"]: model for model in daemon.client.get("/v3/models")["models"]}
        assert (models["lmx/tiny"]["vision"], models["lmx/probe"]["vision"]) == (True, False)
        sid = daemon.session(mode="do")
        plain = daemon.follow(sid, daemon.submit(sid, "say anything"))
        assert until(lambda: daemon.client.get("/v3/metrics")["lmx"]["loaded"] == ["tiny"])
        name = daemon.client.upload("shot.png", picture())
        events = daemon.follow(sid, daemon.submit(sid, "look", attachments=[name]), after=plain[-1]["seq"])
        assert events[-1]["event"] in ("turn.done", "turn.error"), events[-1]
        # Neither the agent nor LMX left the picture out.
        assert not [event for event in events if event["event"] == "warning"], events
        assert until(lambda: daemon.client.get("/v3/metrics")["lmx"]["loaded"] == ["tiny", "tiny (pictures)"])
