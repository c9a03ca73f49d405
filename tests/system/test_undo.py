"""Undo of what commands did, with the real daemon: through the terminal and the API, and after a kill of the tool worker."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until

from opta_core.errors import OptaError

pytestmark = pytest.mark.system


class Script:
    """What the model does next: one action a step, set by each test."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.seen: list[str] = []

    def __call__(self, messages: list[dict[str, Any]]) -> list[Action]:
        self.seen.append(str(messages[-1]["content"]))
        return [self.actions.pop(0)] if self.actions else [Say("done")]


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, script: Script) -> Iterator[Daemon]:
    with ModelServer(script) as model, Daemon(tmp_path_factory.mktemp("undo"), model_url=model.url) as running:
        yield running


def run(daemon: Daemon, script: Script, sid: str, *lines: str) -> list[dict[str, Any]]:
    """A turn that runs commands; its events."""
    script.actions = [Use("run_command", {"command": line}) for line in lines]
    return daemon.follow(sid, daemon.submit(sid, "Work"))


def changed(daemon: Daemon, sid: str, turn: str) -> list[str]:
    return [file["path"] for file in daemon.client.get(f"/v3/sessions/{sid}/turns/{turn}/changes")["files"]]


def text(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text() for file in sorted(folder.rglob("*")) if file.is_file() and ".git" not in file.parts
    }


def test_what_commands_did_is_listed_undone_by_file_redone_and_the_model_hears_of_it(daemon: Daemon, script: Script) -> None:
    work = daemon.workspace
    (work / "a.txt").write_text("one\ntwo\nthree\nfour\nfive\n")
    (work / "old").write_text("old\n")
    before = text(work)
    sid = daemon.session(mode="do", policy="unrestricted")
    run(daemon, script, sid, "sed -i s/two/TWO/ a.txt && mv old new", "mkdir made && echo x > made/f")
    after = text(work)
    listed = daemon.opta("sessions", "changes", sid)
    assert listed.returncode == 0, listed.stderr
    for line in ("created  made/f", "created  new", "deleted  old", "changed  a.txt", "-two\n+TWO"):
        assert line in listed.stdout
    shown = daemon.client.get(f"/v3/sessions/{sid}/turns/t1/changes")
    assert {file["path"]: (file["did"], file["now"]) for file in shown["files"]} == {
        "a.txt": ("changed", "after"), "made": ("created", "after"), "made/f": ("created", "after"), "new": ("created", "after"), "old": ("deleted", "after"),
    }  # fmt: skip
    (work / "a.txt").write_text((work / "a.txt").read_text().replace("five", "FIVE"))
    assert daemon.opta("sessions", "undo", sid, "old", str(work / "new")).returncode == 0
    assert text(work).keys() == {"a.txt", "old", "made/f"}
    undone = daemon.opta("sessions", "undo", sid, "--turn", "t1")
    assert undone.returncode == 0, undone.stderr
    assert "a.txt is as it was, with what was changed since" in undone.stdout
    assert text(work) == {**before, "a.txt": "one\ntwo\nthree\nfour\nFIVE\n"}
    run(daemon, script, sid)
    assert "The user undid what turn t1 changed in" in script.seen[-1]
    assert daemon.opta("sessions", "redo", sid).returncode == 0
    assert text(work) == {**after, "a.txt": "one\nTWO\nthree\nfour\nFIVE\n"}
    assert "No turn of this session was undone" in daemon.opta("sessions", "redo", sid).stderr


def test_what_cannot_be_undone_is_named_and_the_rest_can_be(daemon: Daemon, script: Script) -> None:
    work = daemon.workspace
    (work / "b.txt").write_text("b\n")
    (work / "c.txt").write_text("c\n")
    sid = daemon.session(mode="do", policy="unrestricted")
    run(daemon, script, sid, "echo B > b.txt; echo C > c.txt")
    (work / "b.txt").write_text("mine\n")
    refused = daemon.opta("sessions", "undo", sid)
    assert refused.returncode == 1
    assert "b.txt was changed since" in refused.stderr
    assert (work / "c.txt").read_text() == "C\n"
    dry = daemon.opta("sessions", "undo", sid, "--dry-run")
    assert "nothing was done" in dry.stdout
    partly = daemon.opta("sessions", "undo", sid, "--partly")
    assert partly.returncode == 1
    assert "b.txt was left as it is: was changed since" in partly.stdout
    assert ((work / "b.txt").read_text(), (work / "c.txt").read_text()) == ("mine\n", "c\n")


def test_after_a_kill_of_the_worker_what_the_command_did_is_known_and_undone(daemon: Daemon, script: Script) -> None:
    work = daemon.workspace
    (work / "d.txt").write_text("d\n")
    before = text(work)
    sid = daemon.session(mode="do", policy="unrestricted")
    run(daemon, script, sid, "true")
    script.actions = [Use("run_command", {"command": "echo D > d.txt; echo e > e.txt; sleep 100"})]
    turn = daemon.submit(sid, "Work")
    assert until((work / "e.txt").exists)
    daemon.kill("tools")
    assert daemon.follow(sid, turn)[-1]["event"] == "turn.done"
    assert until(lambda: changed(daemon, sid, turn) == ["d.txt", "e.txt"])
    assert daemon.opta("sessions", "undo", sid, "--turn", turn).returncode == 0
    assert text(work) == before


def test_after_the_undo_of_one_file_the_next_undo_is_of_the_same_turn(daemon: Daemon, script: Script) -> None:
    work = daemon.workspace
    sid = daemon.session(mode="do", policy="unrestricted")
    run(daemon, script, sid, "echo 1 > first")
    run(daemon, script, sid, "echo 2 > second; echo 3 > third")
    assert daemon.opta("sessions", "undo", sid, "second").returncode == 0
    assert daemon.opta("sessions", "undo", sid).returncode == 0
    assert "first" in text(work)
    assert not {"second", "third"} & text(work).keys()
    undone = daemon.opta("sessions", "undo", sid)
    assert undone.returncode == 0
    assert "first" not in text(work)
    assert "could be put back" in daemon.opta("sessions", "undo", sid).stderr
    for turn in ("t1", "t2"):
        assert daemon.opta("sessions", "redo", sid).stdout.startswith(f"redo of {turn}")
    assert {"first", "second", "third"} <= text(work).keys()


def test_redo_makes_again_what_was_undone_last(daemon: Daemon, script: Script) -> None:
    work = daemon.workspace
    sid = daemon.session(mode="do", policy="unrestricted")
    for name in ("early", "late"):
        run(daemon, script, sid, f"echo {name} > {name}.txt")
    # An older turn was undone before; the last one is undone by mistake, and comes back.
    for turn in ("t1", "t2"):
        assert daemon.opta("sessions", "undo", sid, "--turn", turn).returncode == 0
    assert daemon.opta("sessions", "redo", sid).stdout.startswith("redo of t2")
    assert (work / "late.txt").exists() and not (work / "early.txt").exists()
    assert daemon.opta("sessions", "redo", sid).stdout.startswith("redo of t1")


def test_a_file_is_named_by_a_link_to_the_folder_too(daemon: Daemon, script: Script) -> None:
    link = daemon.workspace.with_name("link-to-work")
    link.symlink_to(daemon.workspace)
    sid = daemon.session(mode="do", policy="unrestricted", cwd=str(link))
    run(daemon, script, sid, "mkdir -p inner && echo 1 > inner/linked.txt && ln -s /etc inner/away")
    for name in ("inner/linked.txt", "inner/away"):
        undone = daemon.opta("sessions", "undo", sid, str(link / name))
        assert undone.returncode == 0, undone.stderr
        assert not (daemon.workspace / name).is_symlink() and not (daemon.workspace / name).exists()


def test_paths_that_a_turn_did_not_change_are_refused(daemon: Daemon, script: Script) -> None:
    (daemon.workspace / "other").write_text("other\n")
    sid = daemon.session(mode="do", policy="unrestricted")
    run(daemon, script, sid, "echo 1 > '~$made.docx'")
    loop = daemon.workspace.with_name("loop")
    loop.symlink_to(loop)
    for path in ("other", "../other", "/etc/passwd", "..", "", "no/../../such", "a\tb", f"{loop}/x"):
        refused = daemon.opta("sessions", "undo", sid, path)
        assert refused.returncode != 0, path
        assert "not among the files" in refused.stderr, (path, refused.stderr)
    with pytest.raises(OptaError, match="not among the files"):
        daemon.client.post(f"/v3/sessions/{sid}/undo", {"paths": ["/a\0b"]})
    assert "no turn 't9'" in daemon.opta("sessions", "undo", sid, "--turn", "t9").stderr
    assert "Nothing of t1 was undone" in daemon.opta("sessions", "redo", sid, "--turn", "t1").stderr
    assert daemon.opta("sessions", "undo", sid).returncode == 0
    assert not (daemon.workspace / "~$made.docx").exists()
    assert (daemon.workspace / "other").read_text() == "other\n"


def test_the_files_of_a_session_are_listed_with_the_turns_that_changed_each_and_what_was_undone(daemon: Daemon, script: Script) -> None:
    work = daemon.workspace / "session"
    work.mkdir()
    (work / "a.txt").write_text("one\n2\n3\n4\n5\ntwo\n")
    sid = daemon.session(mode="do", policy="unrestricted", cwd=str(work))
    assert daemon.client.get(f"/v3/sessions/{sid}/changes") == {"files": [], "missed": [], "notCovered": [], "beside": []}
    run(daemon, script, sid, "sed -i s/one/ONE/ a.txt && echo x > new")
    run(daemon, script, sid, "sed -i s/two/TWO/ a.txt")
    files = {file["path"]: file for file in daemon.client.get(f"/v3/sessions/{sid}/changes")["files"]}
    assert {path: (file["did"], file["turns"]) for path, file in files.items()} == {
        "a.txt": ("changed", [{"turnId": "t1"}, {"turnId": "t2"}]), "new": ("created", [{"turnId": "t1"}]),
    }  # fmt: skip
    assert all(line in files["a.txt"]["diff"].split("\n") for line in ("-one", "+ONE", "-two", "+TWO"))
    assert daemon.opta("sessions", "undo", sid, "--turn", "t1").returncode == 0
    files = {file["path"]: file for file in daemon.client.get(f"/v3/sessions/{sid}/changes")["files"]}
    assert (files["new"]["isUndone"], files["new"]["now"]) == (True, "before")
    assert files["a.txt"]["turns"] == [{"turnId": "t1", "isUndone": True}, {"turnId": "t2"}] and "isUndone" not in files["a.txt"]
    assert (work / "a.txt").read_text() == "one\n2\n3\n4\n5\nTWO\n"
