"""A model with the real worker: it reads before it overwrites, and reads on in results that were cut, also after a restart."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.promises import check_journal

pytestmark = pytest.mark.system


class Script:
    """The calls that a model makes, one a step; what it read as results."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.seen: list[dict[str, Any]] = []

    def reply(self, messages: list[dict[str, Any]]) -> list[Action]:
        self.seen = messages
        return [self.actions.pop(0)] if self.actions else [Say("It is done.")]


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, script: Script) -> Iterator[Daemon]:
    with ModelServer(script.reply) as model:
        running = Daemon(tmp_path_factory.mktemp("reading"), model_url=model.url)
        with (running.home / "config.toml").open("a") as config:
            config.write("context = 8192\n")
        with running:
            yield running


def play(daemon: Daemon, script: Script, sid: str, *actions: Action) -> list[str]:
    """What the model reads of the calls of one turn."""
    script.actions = list(actions)
    daemon.follow(sid, daemon.submit(sid, "go"))
    check_journal(daemon.journal(sid))
    last = max(at for at, message in enumerate(script.seen) if message["role"] == "user")
    return [message["content"] for message in script.seen[last:] if message["role"] == "tool"]


def restart_worker(daemon: Daemon) -> None:
    gone = daemon.kill("tools")
    assert until(lambda: daemon.pids().get("tools") not in (None, gone))


def test_a_file_is_overwritten_only_once_it_was_read_also_by_the_next_worker(daemon: Daemon, script: Script) -> None:
    file = daemon.workspace / "kept.txt"
    file.write_text("mine\n")
    sid = daemon.session(mode="do", policy="unrestricted")
    write = Use("write_file", {"path": "kept.txt", "content": "new\n"})
    refused, shown, written = play(daemon, script, sid, write, Use("read_file", {"path": "kept.txt"}), write)
    assert refused.startswith("Error: kept.txt exists and you have not read it in this session")
    assert (shown.split("\n")[0], written) == ("1\tmine", "Wrote kept.txt (1 lines)")
    restart_worker(daemon)
    assert play(daemon, script, sid, Use("write_file", {"path": "kept.txt", "content": "newer\n"})) == ["Wrote kept.txt (1 lines)"]
    file.write_text("a person was here\n")
    (changed,) = play(daemon, script, sid, write)
    assert changed.startswith("Error: kept.txt was changed since you read it")
    assert file.read_text() == "a person was here\n"


def test_the_rest_of_a_result_that_was_cut_is_read_also_after_a_restart(daemon: Daemon, script: Script) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    (cut,) = play(daemon, script, sid, Use("run_command", {"command": "seq -f 'row %g' 1 3000"}))
    found = re.search(r"lines (\d+)-(\d+) of \d+ are left out\. Read on with read_file path=(output://\w+) start_line=(\d+)\.\]", cut)
    assert found is not None, cut
    assert cut.startswith("row 1\n") and "row 3000" in cut
    line, path = int(found[4]), found[3]
    restart_worker(daemon)
    daemon.kill("agent")
    (read,) = play(daemon, script, sid, Use("read_file", {"path": path, "start_line": line}))
    assert read.startswith(f"{line}\trow {line}\n")
    onward = re.search(rf"\[Cut here, .* Read on with read_file path={path} start_line=(\d+)\.\]$", read)
    assert onward is not None, read
    (further,) = play(daemon, script, sid, Use("read_file", {"path": path, "start_line": int(onward[1])}))
    assert further.startswith(f"{onward[1]}\trow {onward[1]}\n")
    other = daemon.session(mode="do", policy="unrestricted")
    (refused,) = play(daemon, script, other, Use("read_file", {"path": path}))
    assert refused.startswith(f"Error: there is no kept result {path} in this session")
    results = [json.loads(line) for line in daemon.journal(sid) if b'"tool.result"' in line]
    assert results[0]["spill"].endswith(".txt")


def test_a_result_is_read_at_every_level_without_a_question(daemon: Daemon, script: Script) -> None:
    sid = daemon.session(mode="chat", level="L2")
    for number in range(3000):
        (daemon.workspace / f"file_{number}").touch()
    (cut,) = play(daemon, script, sid, Use("list_dir", {}))
    found = re.search(r"path=(output://\w+) start_line=(\d+)", cut)
    assert found is not None, cut
    (read,) = play(daemon, script, sid, Use("read_file", {"path": found[1], "start_line": int(found[2])}))
    assert read.startswith(f"{found[2]}\tfile_")


def test_a_search_finds_what_is_there_and_reads_on_in_many_matches(daemon: Daemon, script: Script) -> None:
    folder = daemon.workspace / "search"
    folder.mkdir()
    (folder / "u16.txt").write_bytes("a\nneedle\n".encode("utf-16"))
    (folder / "min.js").write_text("x" * 100_000 + "zzz" + "y" * 100_000)
    (folder / "many.txt").write_text("hit\n" * 1000)
    sid = daemon.session(mode="do", policy="unrestricted")
    one, two, three, many = play(
        daemon, script, sid, Use("grep", {"pattern": "needle", "path": "search"}), Use("grep", {"pattern": "z{3}", "glob": "search/*.{js,ts}"}),
        Use("grep", {"pattern": "(?<=a)\\nneedle", "path": "search"}), Use("grep", {"pattern": "^hit$"}),
    )  # fmt: skip
    assert one == "1 match for needle\nsearch/u16.txt:2: needle"
    assert two.startswith("1 match for z{3}\nsearch/min.js:1: …xxx") and "zzzyyy" in two
    assert three == "2 matches for (?<=a)\\nneedle\nsearch/u16.txt:1: a\nsearch/u16.txt:2: needle"
    assert many.startswith("1000 matches for ^hit$\nsearch/many.txt:1: hit\n")
    found = re.search(r"\[Cut here, .* Read on with read_file path=(output://\w+) start_line=(\d+)\.\]$", many)
    assert found is not None, many[-300:]
    (rest,) = play(daemon, script, sid, Use("read_file", {"path": found[1], "start_line": int(found[2])}))
    assert rest.startswith(f"{found[2]}\tsearch/many.txt:{int(found[2]) - 1}: hit\n")
    (rest,) = play(daemon, script, sid, Use("read_file", {"path": found[1], "start_line": 900}))
    assert rest.startswith("900\tsearch/many.txt:899: hit\n")
