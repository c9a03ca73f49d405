"""Control groups of commands: where they can be made, and that nothing depends on them elsewhere."""

import os
import subprocess
from pathlib import Path

from support.limits import limit_s

from opta_tools.sandbox.cgroup import CommandGroup, parent
from opta_tools.sandbox.limits import CommandLimits


def group(root: Path, path: str, controllers: str) -> Path:
    made = root / path
    made.mkdir(parents=True)
    (made / "cgroup.subtree_control").write_text(controllers)
    (made / "cgroup.procs").write_text("")
    return made


def membership(folder: Path, text: str) -> str:
    (folder / "own").write_text(text)
    return str(folder / "own")


def test_groups_are_made_beside_ours_where_both_controllers_are_given(tmp_path: Path) -> None:
    root = tmp_path / "root"
    above = group(root, "user.slice/app.slice", "cpu memory pids\n")
    assert parent(membership(tmp_path, "0::/user.slice/app.slice/opta.service\n"), root) == above


def test_no_groups_are_made_without_a_controller_or_with_the_first_version(tmp_path: Path) -> None:
    root = tmp_path / "root"
    group(root, "app.slice", "cpu pids\n")
    assert parent(membership(tmp_path, "0::/app.slice/opta.service\n"), root) is None
    assert parent(membership(tmp_path, "0::/elsewhere/opta.service\n"), root) is None
    assert parent(membership(tmp_path, "4:memory:/x\n1:cpu:/\n"), root) is None
    assert parent(membership(tmp_path, "0::/\n"), root) is None


def test_a_group_that_cannot_be_used_leaves_nothing(tmp_path: Path) -> None:
    made = CommandGroup(os.getpid(), CommandLimits(memory_mb=10, processes=5), tmp_path)
    assert not made.is_used
    assert made.reason() == ""
    assert list(tmp_path.iterdir()) == []


def test_a_group_ends_a_command_that_takes_more_memory_where_the_machine_gives_one() -> None:
    above = parent()
    waiting = subprocess.Popen(["sh", "-c", "read go; x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}"], stdin=subprocess.PIPE)
    made = CommandGroup(waiting.pid, CommandLimits(memory_mb=64), above)
    assert made.is_used == (above is not None)
    if not made.is_used:
        waiting.kill()
    waiting.communicate(b"go\n", timeout=limit_s(30))
    assert ("64 MB of memory" in made.reason()) == (above is not None)
    made.close()
