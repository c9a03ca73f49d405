"""What an adversarial review found, one test a finding: none of it may come back."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.contained import Place

from opta_core.paths import Paths
from opta_core.policy import grants
from opta_core.policy.actions import normalise
from opta_core.policy.layers import Layers, Sources
from opta_core.policy.rules import Rule
from opta_core.policy.verdict import Situation, judge, scope_of
from opta_core.process import system_programs
from opta_protocol.change_commands import UndoChanges
from opta_protocol.commands import RunTool
from opta_protocol.event_parts import Change
from opta_protocol.file_changes import ChangeSet
from opta_protocol.permissions import Level, SessionPolicy
from opta_protocol.tools.declared import tool_of
from opta_protocol.tools.shell import RUN_COMMAND
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.edits import digest
from opta_tools.files.file_tools import FileTools
from opta_tools.files.workspace import PathProblem, Workspace
from opta_tools.result import Outcome, ToolProblem
from opta_tools.sandbox.launch import CommandSpec, WorkspaceRef

PATH = "/usr/local/bin:/usr/bin:/bin"


def call(place: Place, name: str, folder: str = "", **args: Any) -> Outcome:
    files = FileTools(Checkpoints(place.home / "checkpoints"))
    return files.run(RunTool(callId="c1", sid="abcdef", turn="t1", name=name, args=args, cwd=str(place.work), folder=folder))


def effect(command: str, level: Level = Level.L3, **fields: Any) -> str:
    request = normalise(RUN_COMMAND, {"command": command}, "/w", path=PATH)
    return judge(request, Situation(level=level, **fields)).effect


def test_a_link_in_the_workspace_gives_no_other_name_to_what_is_protected_or_secret(place: Place) -> None:
    work = place.work
    (work / ".opta").mkdir()
    (work / ".env").write_text("SECRET=1\n")
    (work / "cfg").symlink_to(".opta")
    (work / "notes.txt").symlink_to(".env")
    for name, args in (
        ("write_file", {"path": "cfg/policy.yaml", "content": "x"}),
        ("edit_file", {"path": "notes.txt", "old": "1", "new": "2"}),
    ):
        with pytest.raises(ToolProblem, match="link"):
            call(place, name, **args)
    for name, args in (("read_file", {"path": "notes.txt"}), ("grep", {"path": "notes.txt", "pattern": "S"})):
        with pytest.raises(ToolProblem, match="credentials"):
            call(place, name, **args)
    assert os.listdir(work / ".opta") == []


def test_programs_of_ours_come_from_the_machine_and_not_from_a_path(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    evil = place.work / "bin"
    evil.mkdir()
    for name in ("rg", "chromium"):
        (evil / name).write_text("#!/bin/sh\ntouch M\n")
        (evil / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{evil}:{PATH}")
        found = system_programs.find.__wrapped__(name)
        assert found is not None
        assert not found.startswith(str(place.work))


def test_the_environment_of_a_server_reaches_the_server_and_not_its_containment(place: Place) -> None:
    reading, writing = os.pipe()

    async def story() -> int:
        order = CommandSpec(
            ["/bin/sh", "-c", "echo $LD_PRELOAD; touch written"], {"PATH": PATH}, "m", None, extra={"LD_PRELOAD": "/nowhere.so"}
        )
        process = await place.sandbox.start(WorkspaceRef("s", str(place.work), is_read_only=True), order, (-1, writing, writing))
        process.go()
        return await process.ended()

    place.wait(story())
    os.close(writing)
    with os.fdopen(reading) as handle:
        assert "/nowhere.so" in handle.read()
    assert os.listdir(place.work) == []


@pytest.mark.parametrize("command", ["'X=1' rm -rf src; true", "'X=1' git push --force; true", "true && 'PATH=.' evil", "a=b ls"])
def test_a_quoted_assignment_is_no_program(command: str) -> None:
    rules = Layers(user=(Rule(effect="deny", tool="run_command", command=("rm",)), Rule(effect="allow", tool="run_command")))
    assert effect(command, layers=rules) == ("deny" if "rm" in command else "ask")


def test_a_program_that_is_not_there_is_not_left_to_the_shell(place: Place) -> None:
    from opta_agent.gate import plan_of

    plan = plan_of(normalise(RUN_COMMAND, {"command": "true && nowhere-to-be-found"}, str(place.work), path=PATH))
    assert plan is not None
    assert (plan.argv, plan.program, plan.shell) == (("nowhere-to-be-found",), "", "")


def test_repositories_within_and_what_points_to_them_are_kept_as_they_are(place: Place) -> None:
    work = place.work
    for name in (".", "vendor/x"):
        subprocess.run(["git", "init", "-q", str(work / name)], check=True)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(work)]
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", str(work.parent / "tree")], check=True)
    (work / ".git/modules/lib/hooks").mkdir(parents=True)
    (work / ".git/modules/lib/HEAD").write_text("ref: refs/heads/main\n")
    (work / ".git/modules/lib/config").write_text("[core]\n")
    for attempt in (
        "echo evil > .git/commondir", "echo evil > vendor/x/.git/config", "echo evil > vendor/x/.git/hooks/pre-commit", "echo evil > .git/modules/lib/config",
        "echo evil > .git/worktrees/tree/commondir", "echo evil > .git/worktrees/tree/gitdir",
    ):  # fmt: skip
        place.run(attempt)
    found = [path for path in work.rglob("*") if path.is_file() and "evil" in path.read_text(errors="replace")]
    assert found == []
    assert not (work / ".git/commondir").exists()
    assert place.run("git status && git commit -q --allow-empty --author='A <a@b>' -m y; git log -1").ok


def test_placeholders_of_a_worker_that_died_go_with_the_next_command(place: Place) -> None:
    subprocess.run(["git", "init", "-q", str(place.work)], check=True)
    (place.work / ".git/commondir").write_text(".\n")
    (place.work / ".git/config.worktree").write_text("")
    assert place.run("git status").ok
    assert not (place.work / ".git/commondir").exists()
    assert not (place.work / ".git/config.worktree").exists()
    assert os.listdir(place.work) == [".git"]


def test_the_partial_sandbox_asks_for_every_command() -> None:
    assert effect("ls", sandbox="landlock", granted=frozenset({"run"})) == "ask"


def test_no_workspace_shows_what_belongs_to_the_daemon(place: Place) -> None:
    (place.daemon_home / "policies").mkdir()
    for folder in (Path("/"), place.home.parent, place.daemon_home, place.daemon_home / "policies"):
        assert "cannot be a workspace" in place.run("true", work=folder).content
    outcome = place.run("cat .config/opta/daemon/token .ssh/id .netrc; echo end", work=place.home)
    assert ("CANARY" in outcome.content, "end" in outcome.content) == (False, True)


def test_a_workspace_that_was_exchanged_is_refused(place: Place) -> None:
    found = place.work.stat()
    identity = f"{found.st_dev}:{found.st_ino}"
    (place.work / "a").write_text("mine")
    assert call(place, "read_file", identity, path="a").content.startswith("1\tmine")
    place.work.rename(place.work.with_name("old"))
    place.work.symlink_to(place.home)
    with pytest.raises(ToolProblem, match="no longer the folder"):
        call(place, "read_file", identity, path=".netrc")
    with pytest.raises(PathProblem):
        Workspace(str(place.work), identity)


def test_undo_does_not_take_what_a_person_wrote_in_between(place: Place) -> None:
    checkpoints = Checkpoints(place.home / "snapshots")
    file = place.work / "f"
    workspace = Workspace(str(place.work))
    for content in (b"one", b"two", b"two and the user's", b"three"):
        with checkpoints.writing(workspace, "f", None, content):
            file.write_bytes(content)
    changes = [
        Change(path="f", before=digest(b"one"), after=digest(b"two")),
        Change(path="f", before=digest(b"two and the user's"), after=digest(b"three")),
    ]
    asked = UndoChanges(id=1, sid="abcdef", cwd=str(place.work), sets=[ChangeSet(callId="c1", changes=changes)])
    (refused,) = checkpoints.undo(asked).files
    assert (refused.did, "was changed since" in refused.why) == ("refused", True)
    assert file.read_text() == "three"
    workspace.close()
    checkpoints.close()


@pytest.mark.parametrize(
    "command",
    ["mv src /tmp/backup", "git checkout src/a", "git checkout HEAD src", "git checkout .", "git checkout-index -f -a", "git read-tree --reset -u HEAD", "cp /dev/null f", "mkfs.ext4 x",
     "npm exec -- rm -rf src", "prlimit rm -rf src", "python3 -m timeit x", "make -f x", "poetry run rm x", "ssh-agent rm x", "sqlite3 a .shell", "gcc -wrapper x a.c"],
)  # fmt: skip
def test_what_loses_or_runs_more_than_it_says_asks_at_every_level(command: str) -> None:
    assert effect(command) == "ask"
    assert effect("git checkout -b feature") == "allow"


@pytest.mark.parametrize(
    "command",
    ["sed -n --in s/a/b/ f", "sed -n '-e1e touch M'", "sed -n -ne p -ne '1e touch M' f", "uniq - M", "xxd - M", "git clone -u ./evil . y", "fd -x rm", "shuf -o M a", "iconv -o M a",
     "yq -i . f", "git archive -o M HEAD", "git show HEAD:.env", "git clone -ccore.fsmonitor=x a b"],
)  # fmt: skip
def test_an_allow_rule_does_not_cover_these_options(command: str) -> None:
    rules = Layers(user=(Rule(effect="allow", tool="run_command"),))
    assert effect(command, Level.L2, layers=rules) == "ask"
    for fine in ("git push -u origin main", "git commit -c HEAD", "git status -uno", "sed -n 1,3p a b"):
        assert effect(fine, Level.L2, layers=rules) == "allow", fine


def test_a_repository_cannot_break_the_rules_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / ".opta").mkdir()
    (tmp_path / ".opta/policy.yaml").write_text("rules: [{effect: [], tool: x}]")
    paths = Paths(tmp_path / "home")
    (paths.home / "policies/grants.json").mkdir(parents=True)
    found = Sources(paths, tmp_path / "none").layers(str(tmp_path))
    assert found.broken == {"project"}
    assert len(found.problems) == 2


def test_what_the_machines_owner_wants_asked_is_asked_in_an_unrestricted_session() -> None:
    rules = Layers(managed=(Rule(effect="ask", tool="run_command"),))
    for command in ("ls", "rm -rf x", "ls $X"):
        assert effect(command, layers=rules, policy=SessionPolicy.unrestricted) == "ask"
    assert effect("ls", layers=Layers(broken=frozenset({"managed"})), policy=SessionPolicy.unrestricted) == "ask"


def test_grants_are_no_wider_than_they_say(tmp_path: Path) -> None:
    from opta_agent.gate import offers
    from opta_core.policy.verdict import Verdict

    nowhere = normalise(RUN_COMMAND, {"command": "git status && npm run deploy"}, "/w", path=PATH)
    # Scripts of a folder that cannot be read are bound to nothing, so they are not granted.
    assert "always" not in {offer.id for offer in offers(nowhere, Verdict("ask", "", "defaults"), "off")}
    two = normalise(RUN_COMMAND, {"command": "git status && npm run deploy"}, str(tmp_path), path=PATH)
    (tmp_path / "package.json").write_text('{"scripts": {"deploy": "true"}}')
    always = next(offer for offer in offers(two, Verdict("ask", "", "defaults"), "off") if offer.id == "always")
    assert "npm run deploy" in always.label
    module = normalise(RUN_COMMAND, {"command": "python3 -m pytest tests"}, "/w", path=PATH)
    (grant,) = grants.for_request(module, prefix=True)
    assert grant.argv == ("python3", "-m", "pytest")
    click, evaluate = (normalise(tool_of(name), {}, "/w") for name in ("browser_click", "browser_evaluate"))
    assert scope_of(click) != scope_of(evaluate)


def test_a_range_of_a_large_file_takes_little_memory(place: Place) -> None:
    import resource

    (place.work / "large").write_text("a\n" * 20_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert call(place, "read_file", path="large", start_line=1, end_line=2).content.startswith("1\ta\n2\ta\n[lines 1-2 of 20000000; ")
    assert call(place, "read_file", path="large", start_line=19_999_999, end_line=20_000_000).content.startswith(
        "19999999\ta\n20000000\ta\n["
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_odd_patterns_paths_and_encodings_are_errors_or_kept(place: Place) -> None:
    for name, args in (
        ("search_files", {"pattern": "[z-a]"}),
        ("grep", {"pattern": "x", "glob": "[z-a]"}),
        ("read_file", {"path": "a\ud800"}),
    ):
        with pytest.raises(ToolProblem):
            call(place, name, **args)
    assert call(place, "grep", pattern="(?a)(?u)x").lines == 0
    (place.work / "bom").write_text("a\n", encoding="utf-8-sig")
    call(place, "read_file", path="bom")
    call(place, "write_file", path="bom", content="\ufeffb\n")
    assert (place.work / "bom").read_bytes() == b"\xef\xbb\xbfb\n"
    mixed = "naïve café über ".encode() + b"\xff end\n"
    (place.work / "mixed").write_bytes(mixed)
    call(place, "edit_file", path="mixed", old="end", new="énd")
    assert (place.work / "mixed").read_bytes() == mixed.replace(b"end", "énd".encode())
    (place.work / "code").write_text("def f():\n    if x:\n        go()\n")
    call(place, "edit_file", path="code", old="if x:\n        go()", new="if y:\n        go()\n        stop()")
    assert (place.work / "code").read_text() == "def f():\n    if y:\n        go()\n        stop()\n"


def test_names_that_cannot_be_resolved_are_refused() -> None:
    from opta_core.net.proxy import Proxy, Refusal, is_local, is_public

    for host in ("a..b", "x" * 70 + ".test"):
        with pytest.raises(Refusal):
            asyncio.run(Proxy(None).address(host, 443))
    assert not is_local("fd00:ec2::254")
    assert not is_public("64:ff9b::a9fe:a9fe")
