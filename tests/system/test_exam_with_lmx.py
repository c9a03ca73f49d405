"""The exam with a real model of LMX: its turns run, and its memory and context are in the result."""

import json
from pathlib import Path

import pytest
from support.daemon import Daemon

pytestmark = pytest.mark.system


def test_the_probe_model_takes_the_exam(tmp_path: Path) -> None:
    with Daemon(tmp_path, only="gateway,agent,tools,sessions,lmx") as daemon:
        done = daemon.opta("models", "exam", "probe", "--tasks", "4", "--json", timeout_s=120)
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert (run["model"], run["context"], run["memory"] > 1_000_000, run["names"]) == ("lmx/probe", 1024, True, ["lmx/probe"])
    assert {result["outcome"] for result in run["results"]} <= {"solved", "failed"}
    whole = run["scores"][-1]
    assert (whole["not_run"], whole["tokens"] > 0, whole["steps"] >= 4) == (0, True, True)
