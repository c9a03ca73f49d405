"""The checkers that a project demonstrably uses, by its configurations and dependencies, and how each is run on an edited file.

In a folder that the user does not trust, only programs outside of the folder are run, and none that runs the folder's code.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from opta_core.diagnostics_settings import CheckCommand
from opta_core.policy.command_line import search_path
from opta_core.policy.rules import path_fits

from . import checker_output
from .checker_output import Reader
from .project_files import ProjectFiles

PATH_MARK = "{path}"


@dataclass(frozen=True)
class Checker:
    """One program and how it is run. `folder`: relative to the workspace, where it runs; `reads`: how its output is read.

    `warms`: whether a run that takes too long makes the next one faster, so that it is worth its end.
    """

    name: str
    argv: tuple[str, ...]
    folder: str
    reads: Reader
    warms: bool = False
    variables: dict[str, str] = field(default_factory=dict[str, str], compare=False)

    @property
    def key(self) -> str:
        """Names the program, its folder and its options in a session."""
        return f"{self.folder}\0{self.name}\0{self.argv[0]}"


@dataclass(frozen=True)
class CheckContext:
    """Where an edited file lies and what may run. `path`: the PATH; `scratch`: the folder of checkers for files of their own."""

    workspace: str
    file: str
    files: ProjectFiles
    is_trusted: bool
    path: str
    scratch: str

    def installed(self, name: str) -> str:
        """A program on the PATH and outside of the workspace, as an absolute path; '' for none."""
        folders = os.pathsep.join(search_path(self.path, self.workspace))
        found = shutil.which(name, path=folders) if folders else None
        return found if found and not self.is_inside(found) else ""

    def is_inside(self, program: str) -> bool:
        """Whether a program, named by its path, lies in the workspace."""
        root = os.path.realpath(self.workspace)
        return f"{os.path.realpath(os.path.join(root, program))}/".startswith(f"{root}/")

    def find(self, name: str, *paths: str) -> str:
        """A program of the project, where that is trusted, else one on the PATH; '' for none."""
        return (self.files.program(*paths) if self.is_trusted else "") or self.installed(name)

    def within(self, folder: str) -> str:
        """The edited file, relative to a folder. It never looks like an option."""
        path = os.path.relpath(self.file, folder)
        return f"./{path}" if path.startswith("-") else path


def found_checkers(context: CheckContext) -> list[Checker]:
    """The checkers for the edited file that the project uses and that may run."""
    suffix = os.path.splitext(context.file)[1].lower()
    makers = _BY_SUFFIX.get(suffix, ())
    return [checker for make in makers if (checker := make(context)) is not None]


def configured_checkers(commands: Iterable[CheckCommand], context: CheckContext) -> list[Checker]:
    """The configured commands for the edited file."""
    found: list[Checker] = []
    for command in commands:
        if not path_fits(context.file, command.glob):
            continue
        words = [word.replace(PATH_MARK, context.within(".")) for word in command.words]
        program = os.path.expanduser(words[0])
        if "/" not in program:
            places = (f".venv/bin/{program}", f"venv/bin/{program}", f"node_modules/.bin/{program}")
            program = context.find(program, *places) or program
        elif not context.is_trusted and context.is_inside(program):
            continue
        found.append(Checker(os.path.basename(words[0]), (program, *words[1:]), ".", checker_output.gnu))
    return found


def _python_program(context: CheckContext, name: str) -> str:
    return context.find(name, f".venv/bin/{name}", f"venv/bin/{name}")


def _ruff(context: CheckContext) -> Checker | None:
    files = context.files
    folder = (
        files.nearest("ruff.toml", ".ruff.toml")
        or files.nearest_with("pyproject.toml", r"(?m)^\[+tool\.ruff\b")
        or files.depends_on("ruff")
    )
    program = _python_program(context, "ruff") if folder is not None else ""
    if folder is None or not program:
        return None
    options = ("check", "--output-format=json", "--no-fix", "--exit-zero", "--no-cache", "--force-exclude", "--quiet", "--")
    return Checker("ruff", (program, *options, context.within(folder)), folder, checker_output.ruff)


def _pyright(context: CheckContext) -> Checker | None:
    # Without the project's environment it knows none of the project's packages, and that environment may hold anything.
    files = context.files
    folder = (
        files.nearest("pyrightconfig.json")
        or files.nearest_with("pyproject.toml", r"(?m)^\[+tool\.pyright\b")
        or files.depends_on("pyright")
    )
    program = _python_program(context, "pyright") if folder is not None and context.is_trusted else ""
    if folder is None or not program:
        return None
    variables = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    if python := files.program(".venv/bin/python", "venv/bin/python"):
        variables["PATH"] = os.pathsep.join([os.path.dirname(python), context.path])
        variables["VIRTUAL_ENV"] = os.path.dirname(os.path.dirname(python))
    return Checker("pyright", (program, "--outputjson", context.within(folder)), folder, checker_output.pyright, variables=variables)


def _tsc(context: CheckContext) -> Checker | None:
    folder = context.files.nearest("tsconfig.json")
    program = context.find("tsc", "node_modules/.bin/tsc") if folder is not None else ""
    if folder is None or not program:
        return None
    state = f"{context.scratch}/{hashlib.sha256(f'{context.workspace}/{folder}'.encode()).hexdigest()[:16]}.tsbuildinfo"
    options = ("--noEmit", "--pretty", "false", "--incremental", "--tsBuildInfoFile", state, "--project", ".")
    return Checker("tsc", (program, *options), folder, checker_output.tsc, warms=True)


_ESLINT = ("eslint.config.js", "eslint.config.mjs", "eslint.config.cjs", "eslint.config.ts")
_OLD_ESLINT = (".eslintrc", ".eslintrc.json", ".eslintrc.js", ".eslintrc.cjs", ".eslintrc.yml", ".eslintrc.yaml")


def _eslint(context: CheckContext) -> Checker | None:
    # Its configuration is a program of the folder.
    files = context.files
    folder = files.nearest(*_ESLINT) or files.nearest(*_OLD_ESLINT) or files.nearest_with("package.json", r'"eslintConfig"\s*:')
    program = context.find("eslint", "node_modules/.bin/eslint") if folder is not None and context.is_trusted else ""
    if folder is None or not program:
        return None
    argv = (program, "--format", "json", "--no-error-on-unmatched-pattern", "--", context.within(folder))
    return Checker("eslint", argv, folder, checker_output.eslint)


def _cargo(context: CheckContext) -> Checker | None:
    # Build scripts and macros are programs of the folder.
    folder = context.files.nearest("Cargo.toml")
    program = context.installed("cargo") if folder is not None and context.is_trusted else ""
    if folder is None or not program:
        return None
    argv = (program, "check", "--quiet", "--offline", "--message-format=json")
    variables = {"CARGO_TARGET_DIR": f"{context.scratch}/cargo"}
    return Checker("cargo check", argv, folder, checker_output.cargo, warms=True, variables=variables)


def _go(context: CheckContext) -> Checker | None:
    folder = context.files.nearest("go.mod")
    program = context.installed("go") if folder is not None else ""
    if folder is None or not program:
        return None
    package = os.path.dirname(context.within(folder))
    argv = (program, "vet", f"./{package}" if package else ".")
    return Checker(
        "go vet",
        argv,
        folder,
        checker_output.gnu,
        warms=True,
        variables={"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"},
    )


_Make = Callable[[CheckContext], Checker | None]
_SCRIPTS: tuple[_Make, ...] = (_tsc, _eslint)
_BY_SUFFIX: dict[str, tuple[_Make, ...]] = {
    ".py": (_ruff, _pyright),
    ".pyi": (_ruff, _pyright),
    **dict.fromkeys((".ts", ".tsx", ".mts", ".cts"), _SCRIPTS),
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte"), (_eslint,)),
    ".rs": (_cargo,),
    ".go": (_go,),
}
