"""The attacks that got through before containment was built by descriptor: races, links, exchanged folders, sockets, limits. All really run."""

import os
import socket
import subprocess
from pathlib import Path

import pytest
from support import race
from support.contained import PYTHON, Place
from support.git import file, git
from support.limits import limit_s

from opta_tools.sandbox.limits import CommandLimits

RACE_COMMANDS = 60


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Another repository of the same person, beside the workspace."""
    made = tmp_path / "outside"
    subprocess.run(["git", "init", "-q", str(made)], check=True)
    (made / "secret").write_text("CANARY-outside")
    return made


def everything(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


FLIPS = {
    "a repository": "mkdir -p sub; git init -q sub 2>/dev/null; while :; do mv sub/.git sub/g; ln -s {outside}/.git sub/.git; rm sub/.git; mv sub/g sub/.git; done",
    "a folder above": "mkdir -p p/sub; git init -q p/sub; while :; do mv p q; ln -s {outside}/.. p; rm p; mv q p; done",
    "modules": "git init -q .; while :; do rm -rf .git/modules; ln -s {outside} .git/modules; rm .git/modules; mkdir -p .git/modules/m; done",
    "a control file": "while :; do ln -s {outside}/secret .vscode; rm -f .vscode; mkdir .vscode; rmdir .vscode; done",
    "worktrees": "git init -q .; while :; do rm -rf .git/worktrees; ln -s {outside}/.git .git/worktrees; rm .git/worktrees; done",
}


@pytest.mark.parametrize("flip", FLIPS)
def test_no_race_of_a_background_command_shows_or_changes_what_lies_outside(place: Place, outside: Path, flip: str) -> None:
    before, home = everything(outside), everything(place.home)
    place.run(FLIPS[flip].format(outside=outside), background=True)
    attack = f"for f in sub/.git p/sub/.git .git/modules .git/worktrees .vscode; do cat $f/secret $f/../secret 2>/dev/null; echo evil > $f/evil; echo evil > $f/hooks/evil; echo evil >> $f; done; cat {outside}/secret {place.home}/.ssh/id"  # fmt: skip
    seen = ""
    for number in range(RACE_COMMANDS):
        seen += place.run(attack, session="abcdef" if number % 2 else "second").content
    place.run("true")
    assert "CANARY" not in seen
    assert everything(outside) == before
    assert everything(place.home) == home


def test_what_a_command_leads_elsewhere_before_the_next_one_stays_closed(place: Place, outside: Path) -> None:
    before = everything(outside)
    place.run("git init -q .")
    for trick in (
        f"ln -s {outside} .git/modules", f"rm -rf .git/modules; mkdir .git/modules; ln -s {outside}/.git .git/modules/m", f"mkdir w; ln -s {outside}/.git w/.git",
        f"mkdir x; echo 'gitdir: {outside}/.git' > x/.git", f"echo 'gitdir: {outside}/.git' > .git/worktrees", f"ln -s {outside}/.git/objects .git/objects/info/alternates",
    ):  # fmt: skip
        place.run(trick)
        said = place.run(
            "echo evil > .git/modules/evil; echo evil > .git/modules/m/config; echo evil > w/.git/config; cat w/.git/../secret; git -C x status"
        )
        assert "CANARY" not in said.content
    assert everything(outside) == before


def test_a_git_file_that_nobody_answers_for_opens_no_other_repository(place: Place, outside: Path) -> None:
    (place.work / ".git").write_text(f"gitdir: {outside}/.git/worktrees/w\n")
    (outside / ".git/worktrees/w").mkdir(parents=True)
    (outside / ".git/worktrees/w/commondir").write_text("../..\n")
    (outside / ".git/worktrees/w/gitdir").write_text("/somewhere/else/.git\n")
    before = everything(outside)
    place.run(f"git status; echo evil > {outside}/.git/evil; git config core.pager evil")
    assert everything(outside) == before


def test_a_worktree_commits_into_its_repository_and_changes_no_configuration(place: Place, outside: Path) -> None:
    git = ["git", "-C", str(outside), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run([*git, "worktree", "add", "-q", str(place.work / "tree")], check=True)
    tree = place.work / "tree"
    before = {name: content for name, content in everything(outside).items() if "hooks" in name or name.endswith("config")}
    done = place.run(
        "echo hi > f && git add f && git -c user.name=a -c user.email=a@b commit -qm 'in a worktree' && git log --oneline", work=tree
    )
    assert "in a worktree" in done.content
    place.run(f"git config core.fsmonitor evil; echo evil > {outside}/.git/hooks/post-commit; echo evil > {outside}/new", work=tree)
    assert {name: content for name, content in everything(outside).items() if "hooks" in name or name.endswith("config")} == before
    assert not (outside / "new").exists()


@pytest.mark.parametrize(
    "path",
    [
        ".husky/pre-commit", ".devcontainer/devcontainer.json", ".idea/workspace.xml", ".claude/settings.json", ".cursor/mcp.json", ".mise.toml", ".github/workflows/x.yml",
        ".npmrc", ".exrc", ".vscode/tasks.json", ".envrc", ".mcp.json", ".opta/policy.yaml", "app.code-workspace", ".gitlab-ci.yml", ".yarnrc.yml", ".pre-commit-config.yaml",
        ".codex/config.toml", ".gemini/settings.json", "deep/er/.vscode/tasks.json", ".Vscode/tasks.json", ".cargo/config.toml", ".zed/tasks.json", "pkg/.npmrc",
        ".pi/extensions/x.ts", ".openhands/setup.sh", ".gitpod.yml", ".vim/coc-settings.json", ".lazy.lua",
        ".luarc.json", "devbox.json", "mise.prod.toml", ".flox/env/manifest.toml", ".copilot/mcp.json", "conductor.json",
    ],
)  # fmt: skip
def test_a_control_file_is_not_made_whether_its_folder_is_there_or_not(place: Place, path: str) -> None:
    said = place.run(
        # A folder may be put aside before its file is made.
        f"make() {{ for _ in $(seq 50); do mkdir -p $(dirname {path}) && echo evil > {path} && break; done; }}; make; (sleep 0.2; make) & sleep 0.4"
    )
    assert "put aside" in said.content
    assert not (place.work / path).exists()
    assert any("evil" in file.read_text() for file in (place.home.parent / "state/aside").rglob("*") if file.is_file())
    # What a person makes between two commands stays, and no command changes it.
    (place.work / path).parent.mkdir(parents=True, exist_ok=True)
    (place.work / path).write_text("mine")
    place.run(f"echo evil > {path}; rm -f {path}; mv {path} x; mv $(dirname {path}) y; echo evil >> {path}")
    assert {file.read_text() for file in place.work.rglob(Path(path).name) if file.is_file()} == {"mine"}


def test_what_a_person_replaces_while_commands_run_is_protected_again(place: Place) -> None:
    subprocess.run(["git", "init", "-q", str(place.work)], check=True)
    place.run("true")
    # As git and editors save: a new file, renamed over the old one, which takes the mount away.
    subprocess.run(["git", "-C", str(place.work), "config", "user.name", "me"], check=True)
    (place.work / "new").write_text("{}")
    (place.work / "new").rename(place.work / ".mcp.json")
    place.run("echo evil >> .git/config; echo evil > .mcp.json")
    assert "evil" not in (place.work / ".git/config").read_text()
    assert (place.work / ".mcp.json").read_text() == "{}"


def test_two_sessions_in_folders_of_each_other_hold_each_other(place: Place, outside: Path) -> None:
    inner = place.work / "inner"
    inner.mkdir()
    (inner / ".vscode").mkdir()
    (inner / ".vscode/tasks.json").write_text("mine")
    for number in range(10):
        place.run(f"rm -rf inner/.vscode; mv inner moved; ln -s {outside} inner; rm inner; mv moved inner; mv inner/.vscode x")
        place.run("echo evil > .vscode/tasks.json; echo evil > secret; rm -rf .vscode", work=inner, session=f"s{number % 2}")
    assert (inner / ".vscode/tasks.json").read_text() == "mine"
    assert (outside / "secret").read_text() == "CANARY-outside"


def test_a_workspace_that_was_exchanged_since_its_sandbox_was_made_is_not_followed(place: Place, outside: Path, tmp_path: Path) -> None:
    seen = place.work.stat()
    identity = f"{seen.st_dev}:{seen.st_ino}"
    assert place.run("true", identity=identity).ok
    place.work.rename(tmp_path / "moved")
    place.work.symlink_to(outside)
    said = place.run("cat secret; echo evil > evil", identity=identity)
    assert said.code == "path"
    assert "CANARY" not in said.content
    assert not (outside / "evil").exists()


@pytest.mark.parametrize("network", ["off", "on"])
def test_the_current_folder_lies_among_the_mounts_of_the_command(place: Place, network: str) -> None:
    """A folder opened before the command's mounts were made would lead by `..` to those of the supervisor, with its processes."""
    (place.work / "deep/er").mkdir(parents=True)
    for cwd in (".", "deep/er"):
        up = "/".join([".."] * len((place.work / cwd).resolve().parts[1:]))
        said = place.run(f"stat -c %d:%i {up}/proc /proc; set -- {up}/proc/[0-9]*; echo $#; set -- /proc/[0-9]*; echo $#", network, cwd=cwd)
        here, there, ours, real = said.content.split()
        assert (here, ours) == (there, real)
        # As root a kernel variable could be set there.
        assert not place.run(f"cat {up}/proc/sys/kernel/core_pattern > x && cat x > {up}/proc/sys/kernel/core_pattern", network, cwd=cwd).ok
        assert "Read-only" in place.run(f"echo 1 > {up}/proc/sys/vm/overcommit_memory", network, cwd=cwd).content


SOCKETS = {
    "stream": "s = socket.socket(socket.AF_UNIX); s.connect({path!r}); s.send(b'x')",
    "datagram": "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.sendto(b'x', {path!r})",
    "pair of datagrams": "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); a.connect({path!r}); a.send(b'x')",
    "pair of datagrams, flags": "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM | 0o2004000); a.sendto(b'x', {path!r})",
    "pair of packets": "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET); a.sendto(b'x', {path!r}); a.connect({path!r})",
    "pair of streams": "a, b = socket.socketpair(); a.connect({path!r})",
}


@pytest.mark.parametrize("network", ["off", "on"])
@pytest.mark.parametrize("kind", SOCKETS)
@pytest.mark.parametrize("is_abstract", [False, True])
def test_no_socket_of_the_machine_is_reached(place: Place, kind: str, is_abstract: bool, network: str) -> None:
    path = f"\0opta-{os.getpid()}-{kind}" if is_abstract else str(place.work / "s")
    type_of = socket.SOCK_STREAM if "stream" in kind else socket.SOCK_SEQPACKET if "packet" in kind else socket.SOCK_DGRAM
    with socket.socket(socket.AF_UNIX, type_of) as listener:
        listener.bind(path)
        listener.setblocking(False)
        if type_of != socket.SOCK_DGRAM:
            listener.listen()
        (place.work / "t.py").write_text("import socket\n" + SOCKETS[kind].format(path=path) + "\nprint('SENT')")
        said = place.run(f"{PYTHON} -S t.py", network=network)
        assert not said.ok, said.content
        with pytest.raises(BlockingIOError):
            listener.recv(1) if type_of == socket.SOCK_DGRAM else listener.accept()


FORKSERVER = """
import multiprocessing

if __name__ == "__main__":
    with multiprocessing.get_context("forkserver").Pool(2) as pool:
        print(pool.map(abs, [-4, -5]))
"""


def test_unix_sockets_are_refused_with_a_hint_and_work_when_a_person_allows_them(tmp_path: Path) -> None:
    for allowed in (False, True):
        place = Place(tmp_path / str(allowed), unix_sockets=allowed)
        try:
            (place.work / "pool.py").write_text(FORKSERVER)
            said = place.run(f"timeout 10 {PYTHON} pool.py")
            assert ("[4, 5]" in said.content) == allowed, said.content
            assert ("opta config set sandbox.unix-sockets true" in said.content) != allowed
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(f"\0opta-{os.getpid()}-{allowed}")
                listener.listen()
                code = f"import socket; socket.socket(socket.AF_UNIX).connect({listener.getsockname()!r})"
                assert not place.run(f'{PYTHON} -S -c "{code}"', network="on").ok
        finally:
            place.close()


@pytest.mark.parametrize("network", ["list", "on"])
def test_a_port_of_this_machine_is_reached_only_when_it_is_named(tmp_path: Path, network: str) -> None:
    with socket.socket() as named, socket.socket() as other:
        for listener in (named, other):
            listener.bind(("127.0.0.1", 0))
            listener.listen()
        ports = [listener.getsockname()[1] for listener in (named, other)]
        place = Place(tmp_path, allowed=(f"127.0.0.1:{ports[0]}",))
        try:
            for port in ports:
                direct = f"{PYTHON} -S -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)'"
                assert not place.run(direct, network=network).ok
            through = "curl -sS -m 5 --noproxy '' -p -x http://127.0.0.1:3128 http://127.0.0.1:{}/"
            assert "403" in place.run(through.format(ports[1]), network=network).content
            place.run(through.format(ports[0]), network=network)
            named.settimeout(limit_s(2))
            named.accept()[0].close()
        finally:
            place.close()


@pytest.mark.parametrize("level", ["full", "landlock"])
def test_what_the_kernel_lets_uid_0_do_is_not_there(tmp_path: Path, level: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        place = Place(Path(folder), level=level)  # type: ignore[arg-type]
        try:
            before = Path("/proc/sys/kernel/core_pattern").read_text()
            for attempt in (
                "echo evil > /proc/sys/kernel/core_pattern", "echo 1 > /proc/sys/kernel/sysrq", "echo b > /proc/sysrq-trigger", "mknod dev b 8 0", "mknod dev c 1 1",
                "cat /etc/shadow", "dd if=/dev/vda of=x count=1", "dd if=/dev/mem of=x count=1", "mount -t proc proc .", "date -s 2001-01-01", "hostname evil",
                "chown 1 .", "echo evil > /etc/opta-evil",  "ip link add dummy0 type dummy", "cat /proc/kcore > /dev/null", "dmesg", "nice -n -5 true",
            ):  # fmt: skip
                said = place.run(attempt)
                is_nothing = attempt.startswith("cat") and said.content == "(no output)"
                is_explained = attempt.startswith("nice") and "cannot set niceness" in said.content
                assert not said.ok or is_nothing or is_explained, (attempt, said.content)
            assert Path("/proc/sys/kernel/core_pattern").read_text() == before
            assert "CapEff:\t0000000000000000" in place.run("cat /proc/self/status").content
            if level == "full" or os.getuid() == 0:
                # Otherwise there is nothing that execve could give.
                assert "CapBnd:\t0000000000000000" in place.run("cat /proc/self/status").content
        finally:
            place.close()


BOMB = "{python} -S -c 'import os\nwhile True:\n try: os.fork()\n except OSError: pass'"
HOG = "{python} -S -c 'x = []\nwhile True: x.append(bytearray(8 << 20))'"
HOGS = "for i in 1 2 3 4; do {python} -S -c 'import time\nx = [bytearray(b\"x\") * (40 << 20)]\ntime.sleep(20)' & done; wait"


@pytest.mark.parametrize(
    ("command", "limits", "word"),
    [
        (BOMB, CommandLimits(processes=400), "processes"),
        (HOG, CommandLimits(memory_mb=200), "MemoryError"),
        (HOGS, CommandLimits(memory_mb=100), "memory"),
        ("head -c 300M /dev/urandom > big; sync; sleep 5", CommandLimits(disk_mb=64), "disk"),
        (f"{PYTHON} -S -c 'x = [open(\"/dev/null\") for _ in range(200)]'", CommandLimits(files=64), "Too many open files"),
        ("head -c 20M /dev/zero > big", CommandLimits(file_mb=4), "File size limit exceeded"),
    ],
    ids=["fork bomb", "memory hog", "memory hogs", "disk", "files", "large file"],
)
def test_a_command_over_a_limit_ends_and_is_explained(tmp_path: Path, command: str, limits: CommandLimits, word: str) -> None:
    place = Place(tmp_path, limits=limits)
    try:
        said = place.run(command.format(python=PYTHON), timeout_s=30)
        assert not said.ok
        assert word in said.content, said.content
        # The machine and the session go on.
        assert place.run("echo alive").content == "alive"
        assert "bytearray" not in subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True, check=True).stdout
    finally:
        place.close()


def test_a_session_keeps_its_tmp_and_sees_no_other(place: Place) -> None:
    place.run("echo mine > /tmp/note")
    assert place.run("cat /tmp/note /var/tmp/note").content == "mine\nmine"
    assert not place.run("cat /tmp/note", session="second").ok
    place.wait(place.sandbox.close())
    # Its processes are gone, what it kept is not.
    assert place.run("cat /tmp/note").content == "mine"


def test_a_background_server_is_reached_by_the_next_command(place: Place) -> None:
    place.run(f"{PYTHON} -m http.server 8123 --bind 127.0.0.1", background=True)
    said = place.run(
        "for i in 1 2 3 4 5 6 7 8 9 10; do curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8123/ && break; sleep 0.3; done"
    )
    assert "200" in said.content


def test_a_sandbox_whose_supervisor_was_killed_is_made_anew(place: Place) -> None:
    place.run("true")
    place.kill_supervisors()
    assert place.run("echo again").content == "again"


def test_a_command_that_ends_leaves_no_process_however_it_hides(place: Place) -> None:
    mark = "600.125"
    place.run(f"setsid nohup sleep {mark} > /dev/null 2>&1 & (env -i setsid sh -c 'trap \"\" TERM HUP; sleep {mark}' &) ; sleep 0.1")
    assert mark not in subprocess.run(["ps", "ax", "-o", "args"], capture_output=True, text=True, check=True).stdout


def test_the_race_harness_finds_nothing(tmp_path: Path) -> None:
    found = race.run(tmp_path, 60)
    assert (found.commands, found.escapes, found.stray) == (60, 0, 0)
    # Refusals alone would prove nothing.
    assert found.refused < found.commands / 2


def test_the_name_of_the_machine_is_an_address(place: Place) -> None:
    said = place.run(f"{PYTHON} -c 'import socket; print(socket.gethostbyname(socket.gethostname()))'")
    assert said.content.startswith("127."), said.content


def test_git_in_a_part_of_a_repository_says_where_it_works(place: Place) -> None:
    git(place.work, "init", "-q")
    file(place.work / "pkg/a/f")
    said = place.run("git add f", work=place.work / "pkg/a")
    assert f"It works in a session that is started in {place.work}" in said.content
    assert "in a session that is started" not in place.run("false; git -C / status", work=place.work).content
