"""The tables of vetoed options and of destructive commands: lines from the programs' manuals, and every entry in every spelling."""

from pathlib import Path

import pytest

from opta_core.policy import destructive_commands, destructive_table, option_checks, option_specs
from opta_core.policy.actions import normalise
from opta_core.policy.layers import Layers
from opta_core.policy.option_words import OptionRule, read
from opta_core.policy.program_names import names_of
from opta_core.policy.rules import Rule
from opta_core.policy.verdict import Situation, judge
from opta_protocol.permissions import Level
from opta_protocol.tools.shell import RUN_COMMAND

PATH = "/usr/bin:/bin"
ALLOW_ALL = Layers(user=(Rule(effect="allow", tool="run_command"),))
LINES = [
    (effect, command)
    for effect, _, command in (line.partition(" ") for line in (Path(__file__).parent / "command_lines.txt").read_text().splitlines())
    if effect in ("ask", "allow")
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("workspace")
    for name in ("src", "sub/deep"):
        (folder / name).mkdir(parents=True)
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name)
    (folder / "empty.txt").touch()
    return str(folder)


def effect_of(command: str, cwd: str) -> str:
    request = normalise(RUN_COMMAND, {"command": command}, cwd, path=PATH)
    return judge(request, Situation(level=Level.L2, layers=ALLOW_ALL)).effect


@pytest.mark.parametrize(("effect", "command"), LINES, ids=[command for _, command in LINES])
def test_a_line_is_judged_as_its_manual_says(effect: str, command: str, workspace: str) -> None:
    assert effect_of(command, workspace) == effect


def test_there_are_many_lines_of_both_kinds() -> None:
    assert len({command for _, command in LINES}) == len(LINES)
    assert sum(effect == "ask" for effect, _ in LINES) >= 250
    assert sum(effect == "allow" for effect, _ in LINES) >= 90


def spellings(entry: OptionRule, trigger: str, program: str) -> list[list[str]]:
    """Words that mean the trigger, in every way that programs read."""
    bare = trigger.removeprefix("@").replace("*", "x").replace("[dD]", "d").replace("[tT]", "t").replace("[rR]", "r")
    spec = option_specs.spec_of(program, entry.path, tuple(part.split("|")[0].replace("*", "x") for part in entry.path))
    quiet = next(letter for letter in "qvyZ9" if letter not in spec.taking | spec.optional)
    if trigger == "*":
        return [[], ["x"]]
    if trigger.startswith("#"):
        return [["x"] * int(trigger[1:])]
    if trigger.startswith("!"):
        return []
    if trigger.startswith("@"):
        return [[bare], ["x", bare], [f"-{quiet}", bare]]
    if trigger.startswith("--"):
        shorter = [trigger[:length] for length in range(3, len(trigger)) if trigger[:length] not in spec.exact]
        return [[trigger], [f"{trigger}=x"], ["x", trigger], ["-e", "--", trigger], *[[short] for short in shorter]]
    if len(trigger) == 2:
        letter = trigger[1]
        return [[trigger], [f"{trigger}x"], [f"-{quiet}{letter}"], ["x", trigger], ["-e", "--", trigger], [f"-{quiet}{letter}", "x"]]
    return [[bare], [f"-{bare}"], [f"{bare}=x"], ["x", bare]]


@pytest.mark.parametrize("name", ["destructive", "vetoes"])
def test_every_entry_of_a_table_is_found_in_every_spelling(name: str) -> None:
    table = {"destructive": destructive_table, "vetoes": option_checks}[name]
    judged = destructive_commands.loss_of if name == "destructive" else option_checks.veto
    missed: list[str] = []
    count = 0
    for entry in table.ENTRIES:
        for program in entry.programs:
            for trigger in entry.triggers:
                for words in spellings(entry, trigger, program):
                    path = [part.split("|")[0].replace("*", "x") for part in entry.path]
                    for argv in ([program, *path, *words], *([[program, "--global", "value", *path, *words]] if path else [])):
                        count += 1
                        if not judged(tuple(argv)):
                            missed.append(" ".join(argv) + f"   ({entry.line[:80]})")
    assert missed == []
    assert count > 5000


def test_entries_are_well_formed_and_known_once() -> None:
    for entries, checks in (
        (destructive_table.ENTRIES, destructive_commands.CHECKS),
        (option_checks.ENTRIES, option_checks.CHECKS),
    ):
        lines = [entry.line for entry in entries]
        assert len(lines) == len(set(lines))
        for entry in entries:
            for trigger in (*entry.triggers, *entry.unless):
                assert trigger == "*" or trigger[0] in "-@#!", entry.line
                assert not trigger.startswith("!") or trigger[1:] in checks, entry.line


@pytest.mark.parametrize("program", ["rm", "mv", "truncate", "unlink", "sort", "sed", "shred"])
def test_a_coreutil_is_known_by_its_other_names(program: str) -> None:
    for name in (f"g{program}", f"gnu{program}", f"uu-{program}", f"rust-{program}", program.upper()):
        assert program in names_of(name), name


def test_a_link_to_a_program_is_that_program(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir(mode=0o755)
    for name, target in (("tidy", "rm"), ("pick", "sort"), ("edit-it", "bash")):
        (tmp_path / "bin" / target).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / target).chmod(0o755)
        (tmp_path / "bin" / name).symlink_to(target)
    work = tmp_path / "work"
    work.mkdir()

    def effect(command: str) -> str:
        request = normalise(RUN_COMMAND, {"command": command}, str(work), path=str(tmp_path / "bin"))
        return judge(request, Situation(level=Level.L2, layers=ALLOW_ALL)).effect

    assert [effect(command) for command in ("tidy a", "pick -uo M a", "pick a", "edit-it a")] == ["ask", "ask", "allow", "ask"]


def test_a_move_through_a_link_out_of_the_workspace_asks(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "out").symlink_to(tmp_path)
    (work / "a").write_text("a")
    assert effect_of("mv a out/b", str(work)) == "ask"
    assert effect_of("mv a b", str(work)) == "allow"


def test_the_reader_takes_clusters_values_and_ends_apart() -> None:
    spec = option_specs.spec_of("grep", (), ())
    found = read(("-A3f", "-ie", "-x", "--context", "4", "file", "--", "-r"), spec)
    assert found.letters == {"A", "i", "e", "x"}
    assert found.operands == ("file", "-r")
    assert "-x" not in found.certain
