"""A command starts fast: it costs a small multiple of a Python that does nothing."""

from pathlib import Path
from typing import Any

import pytest
from support.command_cost import cost_ratios
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say

pytestmark = [pytest.mark.system, pytest.mark.alone]
RATIOS_MAX = {"--help": 5.0, "status": 7.0, "sessions list": 7.0}


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    return [Say("Hello.")]


def test_the_usual_commands_cost_a_small_multiple_of_an_empty_program(tmp_path: Path) -> None:
    with ModelServer(reply) as model, Daemon(tmp_path / "daemon", model_url=model.url, only="gateway,agent,tools,sessions") as daemon:
        daemon.session()
        found = cost_ratios(daemon.environment, tmp_path / "cache", 6)
    assert {name: ratio for name, ratio in found.items() if ratio > RATIOS_MAX[name]} == {}
