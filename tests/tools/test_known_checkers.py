"""Which checkers a project uses, by its files, and which of them may run."""

import os
import time
from pathlib import Path

import pytest
from support.limits import limit_s

from opta_core.diagnostics_settings import read_commands
from opta_tools.diagnostics.known_checkers import CheckContext, Checker, configured_checkers, found_checkers
from opta_tools.diagnostics.project_files import ProjectFiles
from opta_tools.files.workspace import Workspace

PROGRAMS = ("ruff", "pyright", "tsc", "eslint", "cargo", "go")


class Project:
    """A folder with files, and programs on the PATH."""

    def __init__(self, folder: Path, files: dict[str, str], programs: tuple[str, ...] = PROGRAMS):
        self.work, self.bin = folder / "work", folder / "bin"
        for made in (self.work, self.bin):
            made.mkdir()
        for name, text in files.items():
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_text(text)
        for name in programs:
            self.program(self.bin / name)

    def program(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)

    def context(self, file: str, *, is_trusted: bool = True) -> CheckContext:
        workspace = Workspace(str(self.work))
        return CheckContext(str(self.work), file, ProjectFiles(workspace, file), is_trusted, f"{self.bin}:{self.work}/bin", "/tmp/checks")

    def found(self, file: str, *, is_trusted: bool = True) -> list[Checker]:
        return found_checkers(self.context(file, is_trusted=is_trusted))

    def names(self, file: str, *, is_trusted: bool = True) -> list[str]:
        return [f"{checker.name} in {checker.folder}" for checker in self.found(file, is_trusted=is_trusted)]


@pytest.mark.parametrize(
    ("files", "file", "names"),
    [
        ({}, "a.py", []),
        ({"pyproject.toml": "[project]\nname='x'\n"}, "a.py", []),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, "a.py", ["ruff in ."]),
        ({"pyproject.toml": "[tool.ruff.lint]\nselect = []\n"}, "src/a.pyi", ["ruff in ."]),
        ({"pyproject.toml": "# [tool.ruff]\n[tool.ruffian]\n"}, "a.py", []),
        ({"pyproject.toml": "[dependency-groups]\ndev = ['ruff>=0.4', \"pyright\"]\n"}, "a.py", ["ruff in .", "pyright in ."]),
        ({"requirements-dev.txt": "pytest\nruff==0.4.1\n"}, "a.py", ["ruff in ."]),
        ({"requirements.txt": "ruff-lsp\nmy-ruff\n"}, "a.py", []),
        ({".pre-commit-config.yaml": "repos:\n- repo: https://host.example/astral-sh/ruff-pre-commit\n"}, "a.py", ["ruff in ."]),
        ({"sub/ruff.toml": "", "ruff.toml": ""}, "sub/deep/a.py", ["ruff in sub"]),
        ({"sub/ruff.toml": ""}, "a.py", []),
        ({"ruff.toml/x": ""}, "a.py", []),
        ({"pyrightconfig.json": "{}"}, "a.py", ["pyright in ."]),
        ({"tsconfig.json": "{}", "eslint.config.mjs": ""}, "src/a.tsx", ["tsc in .", "eslint in ."]),
        ({"tsconfig.json": "{}"}, "a.js", []),
        ({"package.json": '{"eslintConfig": {}}'}, "a.vue", ["eslint in ."]),
        ({"app/tsconfig.json": "{}", ".eslintrc.cjs": ""}, "app/a.ts", ["tsc in app", "eslint in ."]),
        ({"Cargo.toml": "", "crates/a/Cargo.toml": ""}, "crates/a/src/lib.rs", ["cargo check in crates/a"]),
        ({"go.mod": ""}, "pkg/a.go", ["go vet in ."]),
        ({"ruff.toml": "", "go.mod": ""}, "a.md", []),
    ],
)
def test_a_checker_is_found_when_the_project_uses_it(tmp_path: Path, files: dict[str, str], file: str, names: list[str]) -> None:
    assert Project(tmp_path, files).names(file) == names


EVERYTHING = {"ruff.toml": "", "pyrightconfig.json": "{}", "tsconfig.json": "{}", "eslint.config.js": "", "Cargo.toml": "", "go.mod": ""}


def test_without_trust_no_code_and_no_program_of_the_folder_is_run(tmp_path: Path) -> None:
    project = Project(tmp_path, EVERYTHING)
    for place in (".venv/bin", "node_modules/.bin", "bin"):
        for name in PROGRAMS:
            project.program(project.work / place / name)
    for file, names in {"a.py": ["ruff"], "a.ts": ["tsc"], "a.js": [], "a.rs": [], "a.go": ["go vet"]}.items():
        found = project.found(file, is_trusted=False)
        assert [checker.name for checker in found] == names
        assert all(checker.argv[0].startswith(f"{project.bin}/") for checker in found)
    trusted = [*project.found("a.py"), *project.found("a.ts"), *project.found("a.rs")]
    places = {checker.name: os.path.relpath(checker.argv[0], tmp_path) for checker in trusted}
    assert places == {
        "ruff": "work/.venv/bin/ruff",
        "pyright": "work/.venv/bin/pyright",
        "tsc": "work/node_modules/.bin/tsc",
        "eslint": "work/node_modules/.bin/eslint",
        # The PATH leads into the folder, too, and such a part of it does not count.
        "cargo check": "bin/cargo",
    }


def test_a_checker_that_is_not_installed_is_not_run(tmp_path: Path) -> None:
    project = Project(tmp_path, EVERYTHING, ())
    assert [project.names(file) for file in ("a.py", "a.ts", "a.rs", "a.go")] == [[], [], [], []]


@pytest.mark.parametrize("text", ["\n" * 500_000, " " * 500_000, "[" * 500_000, "'" * 500_000, '"eslintConfig"' + " " * 400_000])
def test_no_file_of_a_project_takes_long_to_be_looked_at(tmp_path: Path, text: str) -> None:
    project = Project(tmp_path, {"pyproject.toml": text, "package.json": text, "requirements.txt": text})
    started = time.monotonic()
    assert [*project.names("a.py"), *project.names("a.js")] == []
    assert time.monotonic() - started < limit_s(5)


def test_links_out_of_the_workspace_are_not_read(tmp_path: Path) -> None:
    project = Project(tmp_path, {"sub/a.py": ""})
    (tmp_path / "outside.toml").write_text("[tool.ruff]\n")
    (project.work / "pyproject.toml").symlink_to(tmp_path / "outside.toml")
    (project.work / "ruff.toml").symlink_to(tmp_path / "outside.toml")
    assert project.names("sub/a.py") == []


@pytest.mark.parametrize("file", ["-a.py", "sub/-a.py", "-d/a.py"])
def test_no_file_name_is_read_as_an_option(tmp_path: Path, file: str) -> None:
    project = Project(tmp_path, EVERYTHING)
    for checker in (*project.found(file), *project.found(file.replace(".py", ".js"))):
        assert not checker.argv[-1].startswith("-")


def test_commands_of_the_user_are_for_the_files_that_they_name(tmp_path: Path) -> None:
    project = Project(tmp_path, {"src/a.c": ""}, ("gcc",))
    commands = read_commands(["src/**/*.c: gcc -DX='a b' {path} -o {path}.o", "*.h: gcc {path}", "*.c: /opt/tool --file={path}"])
    found = configured_checkers(commands, project.context("src/a.c"))
    assert [checker.argv for checker in found] == [
        (f"{project.bin}/gcc", "-DX=a b", "src/a.c", "-o", "src/a.c.o"),
        ("/opt/tool", "--file=src/a.c"),
    ]
