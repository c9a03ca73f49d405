"""Hashes the files of a workspace that decide what a script runner would run, so that a grant ends when they change.

`npm test` runs whatever package.json calls `test`. A grant for it holds the sha256 of that script, of the scripts that run before and
after it, and of the runner's settings; when a script may call others, of all scripts. Files are read beneath the workspace, without
following links, up to a size. When a file cannot be read this way, the command is not covered by any grant and asks each time.
"""

import fnmatch
import hashlib
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from .option_specs import spec_of
from .option_words import read

FILE_BYTES_MAX = 1024 * 1024
FILES_MAX, FOLDERS_MAX, DEPTH_MAX = 200, 5000, 6
# The hash of a command whose files cannot be read. No grant covers such a command.
UNBOUND = "unbound"
_NOT_WALKED = frozenset({"node_modules", ".git", ".venv", "venv", "target", "__pycache__", ".tox", "dist", "vendor"})

# `PROGRAM|… : FILE …`: files in the folder of the command and in those above it. `**/` before a name: anywhere below the workspace too.
TABLE = """
npm|pnpm|yarn|bun : .npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs pnpm-workspace.yaml bunfig.toml
make|gmake|bmake : GNUmakefile makefile Makefile BSDmakefile **/*.mk **/GNUmakefile **/makefile **/Makefile
just : justfile .justfile Justfile **/*.just
task|go-task : **/Taskfile.yml **/Taskfile.yaml **/Taskfile.dist.yml **/Taskfile.dist.yaml **/taskfile.yml **/taskfile.yaml
poe : pyproject.toml poe_tasks.toml poe_tasks.yaml poe_tasks.json
invoke|inv : tasks.py invoke.yaml invoke.json **/tasks/*.py
doit : dodo.py pyproject.toml doit.cfg
nox : noxfile.py
tox : tox.ini setup.cfg pyproject.toml tox.toml
mage : magefile.go **/magefiles/*.go
rake : Rakefile rakefile Rakefile.rb rakefile.rb **/*.rake
thor : Thorfile **/*.thor
grunt : Gruntfile.js Gruntfile.cjs Gruntfile.coffee
gulp : gulpfile.js gulpfile.mjs gulpfile.cjs gulpfile.ts
jake : Jakefile Jakefile.js
composer : composer.json
cargo : .cargo/config.toml .cargo/config rust-toolchain rust-toolchain.toml build.rs
makers : Makefile.toml
mvn : pom.xml .mvn/jvm.config .mvn/maven.config .mvn/extensions.xml
gradle : build.gradle build.gradle.kts settings.gradle settings.gradle.kts gradle.properties **/*.gradle **/*.gradle.kts
ant : build.xml
ninja|samu : build.ninja
lein : project.clj
mix : mix.exs
sbt : build.sbt **/project/*.sbt **/project/*.scala
scons : SConstruct SConscript
waf : wscript
meson : meson.build
pre-commit : .pre-commit-config.yaml
lefthook : lefthook.yml lefthook.yaml
turbo : turbo.json **/package.json
nx : nx.json **/project.json **/package.json
lerna : lerna.json **/package.json
uv : uv.toml
mask : maskfile.md
"""
_FILES = {
    program: tuple(files.split())
    for line in TABLE.strip().splitlines()
    for programs, _, files in [line.partition(" : ")]
    for program in programs.split("|")
}
_PACKAGE = ("npm", "pnpm", "yarn", "bun")
_BUILTIN = {"t": "test", "tst": "test", "test": "test", "start": "start", "stop": "stop", "restart": "restart"}
_INSTALLING = frozenset(
    "i in ins inst insta instal install ci add up update upgrade rebuild rb dedupe link clean-install install-test it".split()
)
_LIFECYCLE = ("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare", "prepublish", "dependencies")
# A script that calls one of these programs may run any other script.
_CALLS_SCRIPTS = re.compile(
    r"\b(npm|pnpm|yarn|bun|npx|run-s|run-p|npm-run-all\d*|wireit|turbo|nx|lerna|concurrently|ultra|zx|just|make|task)\b"
)
_ELSEWHERE = frozenset({"-w", "--workspace", "--workspaces", "-ws", "-r", "--recursive", "--filter", "-F", "--prefix", "-C", "--cwd", "--dir", "workspace", "workspaces", "foreach"})  # fmt: skip


class Script(msgspec.Struct, frozen=True):
    """The scripts that a command runs: the `sha256` of their content, and their names for people (`package.json: pretest, test`)."""

    sha256: str
    about: str


def script_of(argv: tuple[str, ...], workspace: str, folders: tuple[str, ...]) -> Script | None:
    """The scripts that a command would run in any of `folders`; None for a program that runs no scripts of the project."""
    name = argv[0]
    words = argv[1:]
    if name.startswith("python") and words[:1] == ("-m",) and len(words) > 1 and words[1] in ("nox", "tox", "invoke", "poethepoet"):
        name, words = {"poethepoet": "poe"}.get(words[1], words[1]), words[2:]
    if name not in _FILES and name not in ("go", "deno"):
        return None
    collected = _Collected(workspace)
    try:
        with collected:
            for folder in _relative(workspace, _moved(name, words, folders)):
                for above in _upwards(folder):
                    collected.add_named(above, _FILES.get(name, ()))
                    if name in _PACKAGE:
                        _package(collected, above, words)
                    elif name == "uv":
                        collected.add_tables(
                            above, "pyproject.toml", (("project", "scripts"), ("project", "gui-scripts"), ("tool", "uv"), ("build-system",))
                        )
            if name in ("uv", "go", "deno", "poe", "just", "task", "make"):
                collected.add_operands(folders, words)
            collected.add_anywhere(tuple(file[3:] for file in _FILES.get(name, ()) if file.startswith("**/")))
            if name in _PACKAGE and _ELSEWHERE & {word.partition("=")[0] for word in words}:
                collected.add_anywhere(("package.json",))
    except (_Unbound, OSError):
        return Script(UNBOUND, "they are links, too large, or outside the workspace")
    return collected.script() if collected.is_something or name in _PACKAGE else None


def _package(collected: "_Collected", folder: str, words: tuple[str, ...]) -> None:
    """Add the scripts of a package.json that these words run, with the scripts that run before and after them."""
    file = os.path.join(folder, "package.json") if folder else "package.json"
    content = collected.read(file)
    if content is None:
        collected.add(file, b"absent")
        return
    try:
        package: Any = msgspec.json.decode(content)
        scripts: Any = cast("dict[str, Any]", package).get("scripts", {})
        scripts.items()
    except (msgspec.DecodeError, UnicodeError, RecursionError, AttributeError):
        collected.add(file, content)
        return
    found = cast("dict[str, Any]", scripts)
    wanted = _wanted(words, found)
    chosen = {name: found[name] for name in wanted if name in found} if wanted is not None else found
    if any(_CALLS_SCRIPTS.search(str(text)) for text in chosen.values()):
        chosen = found
    # These fields decide where the scripts are, and which shell or package manager runs them.
    about = {key: cast("dict[str, Any]", package).get(key) for key in ("packageManager", "workspaces", "config", "type")}
    names = ", ".join(sorted(chosen)) if len(chosen) <= 6 else f"all {len(chosen)} scripts"
    collected.add(f"{file}: {names or 'no script'}", msgspec.json.encode([chosen, about], order="sorted"))
    for text in chosen.values():
        for word in re.split(r"[\s;&|()'\"]+", str(text)):
            if re.fullmatch(r"\./[\w./-]+|[\w./-]+\.(sh|bash|zsh)", word):
                collected.add_file(os.path.normpath(os.path.join(folder, word)))


def _wanted(words: tuple[str, ...], scripts: dict[str, Any]) -> tuple[str, ...] | None:
    """The names of the scripts that run; None when any script may run."""
    operands = read(words, spec_of("npm", (), words)).operands
    if not operands:
        return None if words else _LIFECYCLE
    first, rest = operands[0], operands[1:]
    if first in ("run", "run-script", "rum", "urn"):
        name = rest[0] if rest else ""
    elif first in _BUILTIN:
        name = _BUILTIN[first]
    elif first in scripts:
        name = first
    elif first in _INSTALLING:
        return _LIFECYCLE
    else:
        return None
    if not name or not re.fullmatch(r"[\w:.@/-]+", name):
        return None
    more = ("prestop", "stop", "poststop", "prestart", "start", "poststart") if name == "restart" else ()
    return (f"pre{name}", name, f"post{name}", *more)


class _Unbound(Exception):
    """A file cannot be read beneath the workspace, so its content cannot be hashed."""


class _Collected:
    """Collects the hashes of files by their names. Files are opened relative to the opened workspace."""

    def __init__(self, workspace: str):
        self._workspace = workspace
        self._found: dict[str, str] = {}
        self._root = -1

    def __enter__(self) -> "_Collected":
        self._root = os.open(self._workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._root)

    @property
    def is_something(self) -> bool:
        """Whether at least one of the files exists."""
        return any(digest != _ABSENT for digest in self._found.values())

    def script(self) -> Script:
        """The hash of everything collected."""
        text = "\n".join(f"{name}\0{digest}" for name, digest in sorted(self._found.items()))
        there = [name for name, digest in self._found.items() if digest != _ABSENT]
        about = ", ".join(there[:4]) + (f" and {len(there) - 4} more" if len(there) > 4 else "")
        return Script(hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest(), about)

    def add(self, name: str, content: bytes) -> None:
        """Add a content under a name."""
        self._found[name] = _ABSENT if content == b"absent" else hashlib.sha256(content).hexdigest()
        if len(self._found) > FILES_MAX:
            raise _Unbound

    def add_file(self, file: str) -> None:
        """Add a file, or the fact that it does not exist."""
        content = self.read(file)
        self.add(file, b"absent" if content is None else content)

    def add_named(self, folder: str, names: tuple[str, ...]) -> None:
        """Add the files of a folder that have these names."""
        for name in names:
            if not name.startswith("**/"):
                self.add_file(os.path.join(folder, name) if folder else name)

    def add_tables(self, folder: str, name: str, keys: tuple[tuple[str, ...], ...]) -> None:
        """Add some tables of a TOML file; the whole file when it is not valid TOML."""
        file = os.path.join(folder, name) if folder else name
        content = self.read(file)
        if content is None:
            self.add(file, b"absent")
            return
        try:
            document: Any = tomllib.loads(content.decode())
            found: list[Any] = []
            for key in keys:
                table: Any = document
                for part in key:
                    table = cast("dict[str, Any]", table).get(part) if isinstance(table, dict) else None
                found.append(table)
            self.add(f"{file}: scripts", repr(found).encode())
        except (tomllib.TOMLDecodeError, UnicodeError, RecursionError):
            self.add(file, content)

    def add_operands(self, folders: tuple[str, ...], words: tuple[str, ...]) -> None:
        """Add the files that the words name: `uv run x.py`, `go run x.go`."""
        for word in words:
            if re.fullmatch(r"[\w./-]+\.\w{1,4}", word):
                for folder in _relative(self._workspace, folders):
                    file = os.path.normpath(os.path.join(folder, word))
                    if file.startswith(("..", "/")):
                        raise _Unbound
                    if self.read(file) is not None:
                        self.add_file(file)

    def add_anywhere(self, globs: tuple[str, ...]) -> None:
        """Add every file of the workspace whose name matches, down to DEPTH_MAX folders."""
        if not globs:
            return
        for seen, (folder, folders, files, _) in enumerate(os.fwalk(".", dir_fd=self._root, follow_symlinks=False)):
            if seen > FOLDERS_MAX:
                raise _Unbound
            depth = folder.count("/")
            folders[:] = sorted(name for name in folders if name not in _NOT_WALKED) if depth < DEPTH_MAX else []
            for name in sorted(files):
                file = os.path.normpath(os.path.join(folder, name))
                if any(fnmatch.fnmatchcase(file if "/" in glob else name, f"*{glob}" if "/" in glob else glob) for glob in globs):
                    self.add_file(file)

    def read(self, file: str) -> bytes | None:
        """The content of a file beneath the workspace; None when there is none. Raises _Unbound for a link, a device or a large file."""
        at = self._root
        opened: list[int] = []
        try:
            for part in (parts := file.split("/")):
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                try:
                    at = os.open(part, flags, dir_fd=at)
                except (FileNotFoundError, NotADirectoryError):
                    return None
                except OSError as error:
                    raise _Unbound from error
                opened.append(at)
            mode = os.fstat(at).st_mode
            if stat.S_ISDIR(mode):
                return None
            if not stat.S_ISREG(mode) or os.fstat(at).st_size > FILE_BYTES_MAX or ".." in parts:
                raise _Unbound
            with os.fdopen(os.dup(at), "rb") as handle:
                return handle.read(FILE_BYTES_MAX + 1)
        finally:
            for descriptor in opened:
                os.close(descriptor)


_ABSENT = "absent"


def _moved(name: str, words: tuple[str, ...], folders: tuple[str, ...]) -> tuple[str, ...]:
    """The folders that the runner may work in, including those that `-C DIR` and similar options select."""
    found = list(folders)
    for at, word in enumerate(words):
        target = ""
        if word in ("-C", "--prefix", "--cwd", "--directory", "--dir", "-d", "--working-directory") and at + 1 < len(words):
            target = words[at + 1]
        elif (equals := re.match(r"--(?:prefix|cwd|directory|dir|working-directory)=(.*)", word)) or (equals := re.match(r"-C(.+)", word)):
            target = equals.group(1)
        if target:
            found += [os.path.normpath(os.path.join(folder, target)) for folder in folders]
    return tuple(dict.fromkeys(found))


def _relative(workspace: str, folders: tuple[str, ...]) -> Iterator[str]:
    """The folders relative to the workspace ('' for the workspace itself). Raises _Unbound for a folder outside it."""
    for folder in folders:
        relative = os.path.relpath(folder, workspace)
        if relative == ".." or relative.startswith("../"):
            raise _Unbound
        yield "" if relative == "." else relative


def _upwards(folder: str) -> Iterator[str]:
    """A folder and its parents, up to the workspace."""
    while folder:
        yield folder
        folder = os.path.dirname(folder)
    yield ""
