"""Models to begin with: what lies on this machine, and what fits."""

from pathlib import Path

import msgspec
from support.gateway import LocalGateway
from support.hub_server import HubServer

from opta_core.settings import Settings


def test_models_on_this_machine_are_listed_with_what_fits(tmp_path: Path) -> None:
    with LocalGateway(tmp_path) as gateway:
        found = gateway.get("/v3/models/found").json()
    assert [model["id"] for model in found["models"] if model["origin"] == "built-in"] == ["probe"]
    assert found["available"] > 0 and found["tokens"] == 32_768
    assert all(offer["fits"] and offer["needed"] <= found["available"] for offer in found["offers"])
    # The self-test is no model to work with.
    assert "probe" not in [offer["id"] for offer in found["here"]]


def test_an_lmx_on_another_machine_is_not_looked_at_here(tmp_path: Path) -> None:
    settings = Settings(lmx=msgspec.structs.replace(Settings().lmx, host="desk:1234"))
    with LocalGateway(tmp_path, settings) as gateway:
        (gateway.home / "config.toml").write_text('[lmx]\nhost = "desk:1234"\n')
        found = gateway.get("/v3/models/found").json()
    assert (found["isRemote"], found["host"], found["models"]) == (True, "desk:1234", [])


def test_the_hub_of_the_settings_is_searched_and_its_silence_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    with HubServer(tmp_path / "repo") as hub:
        hub.models = [{"id": "org/small-4bit", "downloads": 7, "gated": False, "tags": ["license:mit"], "config": {"model_type": "qwen3"}}]
        settings = Settings(lmx=msgspec.structs.replace(Settings().lmx, hub=hub.url))
        with LocalGateway(tmp_path, settings) as gateway:
            found = gateway.get("/v3/models/search?q=--small").json()
            assert [(each["repo"], each["licence"]) for each in found["models"]] == [("org/small-4bit", "mit")]
            assert [query["search"] for query in hub.queries] == [["--small"]]
            assert "q=WORDS" in gateway.get("/v3/models/search?q=%20").json()["error"]["message"]
            hub.__exit__()
            assert gateway.get("/v3/models/search?q=small").json()["problem"]
