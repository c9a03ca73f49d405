"""The SDK: the examples of docs/sdk.md run, with Opta and with nothing but the small distribution and msgspec."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
EXAMPLES = {
    "ask.py": "Hello from the model.",
    "two_sessions.py": "Hello from the model.\nHello from the model.",
    "answer_by_rule.py": "allow write_file made.txt\nended: done",
}


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is written.")]
    if "write" in str(last["content"]):
        return [Use("write_file", {"path": "made.txt", "content": "x\n"})]
    return [Say("Hello from the model.", rate=200)]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with (
        ModelServer(reply) as model,
        Daemon(tmp_path_factory.mktemp("sdk"), model_url=model.url, only="gateway,agent,tools,sessions") as it,
    ):
        yield it


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small distribution and msgspec, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT / "cli/sdk", check=True, capture_output=True, timeout=limit_s(60))
    [wheel] = folder.glob("opta_sdk-*.whl")
    site = folder / "site"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(site)], check=True, timeout=limit_s(30))
    assert msgspec.__file__ is not None
    (site / "msgspec").symlink_to(Path(msgspec.__file__).parent)
    return site


def run(daemon: Daemon, command: list[str]) -> tuple[int, str]:
    done = subprocess.run(
        command, env=daemon.environment, cwd=daemon.workspace, capture_output=True, text=True, timeout=limit_s(30), check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_every_example_is_named_in_the_documentation() -> None:
    page = (ROOT / "docs/sdk.md").read_text()
    assert {file.name for file in (ROOT / "docs/examples").glob("*.py")} == set(EXAMPLES)
    assert all(f"(examples/{name})" in page for name in EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(daemon: Daemon, name: str) -> None:
    (daemon.workspace / "made.txt").unlink(missing_ok=True)
    assert run(daemon, [sys.executable, str(ROOT / "docs/examples" / name)]) == (0, EXAMPLES[name])


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_with_the_small_distribution_alone(daemon: Daemon, distribution: Path, name: str) -> None:
    (daemon.workspace / "made.txt").unlink(missing_ok=True)
    code = f"import sys, runpy; sys.path.insert(0, {str(distribution)!r}); runpy.run_path({str(ROOT / 'docs/examples' / name)!r}, run_name='__main__')"
    assert run(daemon, [sys.executable, "-I", "-S", "-c", code]) == (0, EXAMPLES[name])
