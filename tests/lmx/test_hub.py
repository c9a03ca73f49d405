"""Fetching a model: whole, checked and pinned, or with a clear error; what has arrived is not fetched again."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.hub_server import COMMIT, REPO, HubServer
from support.limits import limit_s

ROOT = Path(__file__).parents[2]
WEIGHTS = "model-00002-of-00002.safetensors"
FILES = {
    "config.json": b'{"model_type": "qwen3"}', "model-00001-of-00002.safetensors": os.urandom(200_000), WEIGHTS: os.urandom(3_000_000),
    "model.safetensors.index.json": b"{}", "tokenizer.json": b'{"a": "\xc3\xa4"}', "chat_template.jinja": b"{{ messages }}", "merges.txt": b"",
    "README.md": b"# Tiny\n", "1_Pooling/config.json": b"{}",
}  # fmt: skip
UNWANTED = {
    "modeling_tiny.py": b"raise SystemExit", "pytorch_model.bin": b"pickle", "data.pkl": b"pickle", "onnx/config.json": b"{}",
    "opta.json": b'{"repo": "someone/else"}', ".gitattributes": b"*", "consolidated.safetensors": b"twice",
}  # fmt: skip
SIZE = sum(map(len, FILES.values()))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    for name, content in (FILES | UNWANTED).items():
        file = tmp_path / "repo" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    with HubServer(tmp_path / "repo") as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models" / "tiny"


class Pull:
    """The program at work."""

    def __init__(self, hub: HubServer, folder: Path, *options: str, repo: str = REPO, token: str = ""):
        home = folder.parent.parent / "home"
        home.mkdir(exist_ok=True)
        # A token that lies about on the machine, which has to stay there.
        environment = {**os.environ, "HOME": str(home), "HF_TOKEN": "hf_implicit", "PYTHONPATH": f"{ROOT}/lmx:{ROOT}/shared"}
        command = [sys.executable, "-m", "opta_lmx.models.download.hub", repo, str(folder), "--endpoint", hub.url, *options]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [*command, *(["--token-stdin"] if token else [])], stdin=pipe, stdout=pipe, stderr=pipe, env=environment
        )
        self._token, self._started = token, time.monotonic()

    def event(self) -> dict[str, Any]:
        """The next one."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def kill_after(self, size: int) -> None:
        """kill -9 once `size` bytes are reported as done."""
        with self.process:
            while (event := self.event()).get("done", 0) < size:
                assert event["event"] in ("found", "progress")
            self.process.kill()
        assert self.process.returncode == -signal.SIGKILL

    def ending(self) -> list[dict[str, Any]]:
        """Every event but progress."""
        output, errors = self.process.communicate(f"{self._token}\n".encode(), timeout=limit_s(60))
        events = [json.loads(line) for line in output.splitlines()]
        progress = [event for event in events if event["event"] == "progress"]
        assert all(0 < event["done"] <= event["total"] == SIZE for event in progress)
        assert len(progress) <= 1 + 2 * (time.monotonic() - self._started)
        assert (errors, self.process.returncode) == (b"", int(events[-1]["event"] == "failed"))
        assert b"hf_" not in output
        return [event for event in events if event not in progress]

    def failure(self) -> dict[str, Any]:
        """The last event, when it is a failure: a sentence."""
        event = self.ending()[-1]
        assert event["event"] == "failed" and event["message"].endswith(".") and "Traceback" not in event["message"]
        return event


FOUND = {"event": "found", "repo": REPO, "revision": COMMIT, "bytes": SIZE, "files": len(FILES), "licence": "apache-2.0"}
DONE = {"event": "done", "revision": COMMIT, "bytes": SIZE}


def assert_whole(folder: Path) -> None:
    contents = {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert json.loads(contents.pop("opta.json")) == {"repo": REPO, "revision": COMMIT, "licence": "apache-2.0", "bytes": SIZE}
    assert contents == FILES
    modes = {stat.S_IMODE(file.stat().st_mode) for file in folder.rglob("*") if file.is_file()}
    assert (modes, stat.S_IMODE(folder.stat().st_mode)) == ({0o600}, 0o700)
    assert [file.name for file in folder.parent.iterdir()] == [folder.name]


def fetched(hub: HubServer) -> int:
    return sum(served.size for served in hub.served)


def test_a_download_is_the_folder_byte_for_byte_and_nothing_else(hub: HubServer, folder: Path) -> None:
    assert Pull(hub, folder).ending() == [FOUND, DONE]
    assert_whole(folder)
    # An empty file needs no request.
    assert {served.name for served in hub.served} == set(FILES) - {"merges.txt"} and fetched(hub) == SIZE
    # Nothing of the user's is sent, and nothing is left in the home folder.
    assert {asked.token for asked in hub.requests} == {""} and not list((folder.parent.parent / "home").rglob("*"))


def test_a_token_goes_to_the_hub_alone(hub: HubServer, folder: Path) -> None:
    assert Pull(hub, folder, token="hf_good").ending() == [FOUND, DONE]
    assert {(asked.path.startswith("/storage/"), asked.token) for asked in hub.requests} == {(False, "Bearer hf_good"), (True, "")}


def test_a_look_fetches_nothing(hub: HubServer, folder: Path) -> None:
    hub.card = {"license": "other", "license_link": "https://example.org/terms"}
    assert Pull(hub, folder, "--look", "--revision", "main").ending() == [
        FOUND | {"licence": "other", "license_url": "https://example.org/terms"}
    ]
    assert not hub.served and not list(folder.parent.iterdir())


def test_after_a_kill_only_the_rest_is_fetched(hub: HubServer, folder: Path) -> None:
    hub.pause_s = 0.02
    Pull(hub, folder).kill_after(700_000)
    assert not folder.exists()
    part = folder.with_name("tiny.part")
    present = sum(file.stat().st_size for file in part.rglob("*") if file.is_file())
    (half,) = part.glob(".half/*")
    begun, size = {served.name for served in hub.served}, half.stat().st_size
    assert 300_000 < size < len(FILES[WEIGHTS])
    hub.pause_s = 0
    hub.served.clear()
    assert Pull(hub, folder).ending() == [FOUND, DONE]
    assert_whole(folder)
    assert fetched(hub) == SIZE - present
    assert [served.start for served in hub.served if served.name == WEIGHTS] == [size]
    assert begun - {WEIGHTS} and not {served.name for served in hub.served} & (begun - {WEIGHTS})


@pytest.mark.parametrize("can_continue", [True, False])
def test_a_broken_connection_is_continued_at_once(hub: HubServer, folder: Path, can_continue: bool) -> None:
    hub.break_after, hub.can_continue = 1_100_000, can_continue
    if not can_continue:
        # The hub sends the first bytes only, again and again: no progress, and no download without an end.
        assert Pull(hub, folder).failure()["retryable"]
        assert len(hub.served) < len(FILES) + 10
        hub.break_after = 0
    assert Pull(hub, folder).ending() == [FOUND, DONE]
    assert_whole(folder)
    assert not can_continue or [served.start for served in hub.served if served.name == WEIGHTS] == [0, 1_100_000, 2_200_000]


def test_a_hub_that_goes_away_is_reported_and_the_part_kept(hub: HubServer, folder: Path) -> None:
    hub.break_after, hub.trouble_then = 1_100_000, (503, "")
    failure = Pull(hub, folder).failure()
    assert failure["retryable"] and f"{hub.url} answered 503 for {REPO}" in failure["message"] and not folder.exists()
    hub.break_after, hub.trouble, hub.trouble_then = 0, None, None
    hub.served.clear()
    assert Pull(hub, folder).ending() == [FOUND, DONE]
    assert_whole(folder)
    assert [served.start for served in hub.served if served.name == WEIGHTS] == [1_100_000]


def test_a_half_file_spoilt_on_disk_is_fetched_anew(hub: HubServer, folder: Path) -> None:
    hub.break_after, hub.trouble_then = 1_100_000, (503, "")
    Pull(hub, folder).failure()
    (half,) = folder.with_name("tiny.part").glob(".half/*")
    half.write_bytes(bytes(half.stat().st_size))
    hub.break_after, hub.trouble, hub.trouble_then = 0, None, None
    hub.served.clear()
    assert Pull(hub, folder).ending() == [FOUND, DONE]
    assert_whole(folder)
    assert [served.start for served in hub.served if served.name == WEIGHTS] == [1_100_000, 0]


def test_what_another_revision_left_is_not_used(hub: HubServer, folder: Path) -> None:
    part = folder.with_name("tiny.part")
    (part / ".half").mkdir(parents=True, mode=0o700)
    part.chmod(0o700)
    for name in ("tokenizer.json", "old.json", ".half/0123"):
        (part / name).write_bytes(bytes(len(FILES["tokenizer.json"])))
    assert Pull(hub, folder).ending() == [FOUND, DONE]
    assert_whole(folder)


def test_the_pull_dies_with_its_parent(hub: HubServer, folder: Path) -> None:
    hub.pause_s = 0.02
    code = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); sys.stdin.read()"
    pull = [sys.executable, "-m", "opta_lmx.models.download.hub", REPO, str(folder), "--endpoint", hub.url]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}/lmx:{ROOT}/shared"}
    with subprocess.Popen([sys.executable, "-c", code, *pull], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None and b"found" in parent.stdout.readline()
        parent.kill()
        # The pipe ends when its last writer has.
        assert b'"event":"done"' not in parent.stdout.read()
    assert not folder.exists()


def test_two_pulls_of_one_folder_do_not_mix(hub: HubServer, folder: Path) -> None:
    hub.pause_s = 0.5  # far from done when the second one comes, however busy the machine is
    first = Pull(hub, folder)
    assert [first.event()["event"], first.event()["event"]] == ["found", "progress"]
    assert "another process" in Pull(hub, folder).failure()["message"]
    hub.pause_s = 0
    assert first.ending() == [DONE]
    assert_whole(folder)


def test_what_cannot_be_fetched_is_reported_in_a_sentence(hub: HubServer, folder: Path) -> None:
    def problem_of(*options: str, repo: str = REPO, token: str = "") -> str:
        message = Pull(hub, folder, *options, repo=repo, token=token).failure()["message"]
        assert not folder.exists()
        return message

    assert f"There is no model tiny/other at {hub.url}" in problem_of(repo="tiny/other")
    assert "is not the name of a repo" in problem_of(repo="tiny/../../etc")
    assert "no such revision" in problem_of("--revision", "v9")
    hub.trouble_listing = (503, "")
    assert f"{hub.url} answered 503" in problem_of()
    hub.trouble_listing = (401, "")
    assert "Pull it with a token" in problem_of()
    hub.trouble_listing, hub.trouble = None, (401, "GatedRepo")
    assert f"{REPO} is gated" in problem_of()
    assert "The token given has no access" in problem_of(token="hf_good")
    assert "The token for" in problem_of(token="hf_bad\x01")


def test_a_missing_hub_and_a_full_disk_are_reported(hub: HubServer, folder: Path) -> None:
    hub.announced_sizes = {WEIGHTS: 10**18}
    failure = Pull(hub, folder).failure()
    assert "needs 1,050,000,000.00 GB more" in failure["message"] and not failure["retryable"]
    hub.url = "http://127.0.0.1:1"
    failure = Pull(hub, folder).failure()
    assert failure["retryable"] and "http://127.0.0.1:1 is out of reach" in failure["message"]


def test_a_repo_without_safetensors_or_configuration_is_refused(hub: HubServer, folder: Path) -> None:
    for name in ("model-00001-of-00002.safetensors", WEIGHTS):
        (hub.folder / name).unlink()
    assert f"{REPO} has no model*.safetensors" in Pull(hub, folder).failure()["message"]
    (hub.folder / "config.json").unlink()
    assert "it has no config.json" in Pull(hub, folder).failure()["message"]
    assert not hub.served and not list(folder.parent.iterdir())


def test_damaged_content_is_refused_and_deleted(hub: HubServer, folder: Path) -> None:
    for name in (WEIGHTS, "tokenizer.json"):
        hub.sent = {name: FILES[name][:-1] + b"?"}
        failure = Pull(hub, folder).failure()
        assert f"{name} of {REPO} is damaged" in failure["message"] and not failure["retryable"]
        assert not folder.exists() and not list(folder.with_name("tiny.part").glob(".half/*"))
    hub.sent = {}
    assert Pull(hub, folder).ending() == [FOUND, DONE]
    assert_whole(folder)


def test_a_hub_cannot_name_a_path(hub: HubServer, folder: Path) -> None:
    names = ["../evil.json", "/tmp/evil.json", "..\\evil.json", "a/../../evil.json", ".evil.json"]
    hub.siblings = [{"rfilename": name, "size": 1, "blobId": "0" * 40} for name in names]
    assert Pull(hub, folder, "--look").ending() == [FOUND]
    hub.siblings = [{"rfilename": "evil.json", "size": 1, "blobId": "../../../evil"}]
    assert "does not say the checksum of evil.json" in Pull(hub, folder).failure()["message"]
    assert not hub.served and not list(folder.parent.iterdir())


def test_an_existing_folder_is_refused_before_anything_is_asked(hub: HubServer, folder: Path) -> None:
    folder.mkdir()
    assert f"{folder} exists already" in Pull(hub, folder).failure()["message"]
    assert not hub.requests and list(folder.parent.iterdir()) == [folder]
