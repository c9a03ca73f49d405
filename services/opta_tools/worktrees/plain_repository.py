"""A git folder of ours with the objects of a repository and a configuration that runs nothing: git reads and writes work trees with it.

Filters, merge drivers and monitors that a repository's configuration names do not exist in it, whatever is written there meanwhile. What
git needs of the repository besides objects is copied: how files are handled, ignored names, attributes, where its history is cut.
"""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .git_program import GitFailed, GitProgram, WorktreeProblem
from .repository import Repository, read_small

# How files are handled, and how objects are named.
_KEPT = frozenset(
    {
        "core.autocrlf", "core.eol", "core.safecrlf", "core.filemode", "core.symlinks", "core.ignorecase", "core.precomposeunicode", "core.longpaths",
        "core.protecthfs", "core.protectntfs", "core.bigfilethreshold", "extensions.objectformat", "core.repositoryformatversion",
    }
)  # fmt: skip
_VALUE = re.compile(r"[A-Za-z0-9._+-]*\Z")
COPIED_BYTES_MAX = 1024 * 1024
GITLINK = "160000"


@dataclass(frozen=True)
class TreeEntry:
    """A file of a tree or an index."""

    mode: str
    blob: str


@dataclass
class TreeChange:
    """A path that differs between two trees; None: it is not in that tree."""

    path: str
    before: TreeEntry | None
    after: TreeEntry | None


@dataclass(frozen=True)
class PlainRepository:
    """`folder`: the git folder of ours. `work`: the work tree; `index`: a copy of its index."""

    program: GitProgram
    folder: str
    common: str
    work: str
    index: str
    variables: dict[str, str] = field(default_factory=dict[str, str])

    def run(self, *words: str, given: bytes = b"", index: str = "", **variables: str) -> bytes:
        """What git prints. Raises GitFailed."""
        all_variables = {
            "GIT_DIR": self.folder,
            "GIT_OBJECT_DIRECTORY": f"{self.common}/objects",
            "GIT_WORK_TREE": self.work,
            "GIT_INDEX_FILE": index or self.index,
            **self.variables,
            **variables,
        }
        return self.program.run(self.work if os.path.isdir(self.work) else "/", *words, given=given, **all_variables)

    def text(self, *words: str, given: bytes = b"", **variables: str) -> str:
        """The same as text."""
        return self.run(*words, given=given, **variables).decode(errors="surrogateescape").removesuffix("\n")

    def names(self, *words: str, given: bytes = b"") -> list[str]:
        """Paths that git prints, each ended by a NUL."""
        return [os.fsdecode(name) for name in self.run(*words, given=given).split(b"\0") if name]

    def tree_of(self, commit: str) -> str:
        """The tree of a commit."""
        return self.text("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")

    def changes(self, one: str, other: str) -> list[TreeChange]:
        """What differs between two commits or trees, by path."""
        parts = self.run("diff-tree", "-r", "-z", "--no-renames", "--raw", "--full-index", one, other).split(b"\0")
        found: list[TreeChange] = []
        for at in range(0, len(parts) - 1, 2):
            mode_before, mode_after, before, after, _ = parts[at].decode().removeprefix(":").split(" ")
            found.append(TreeChange(os.fsdecode(parts[at + 1]), _entry(mode_before, before), _entry(mode_after, after)))
        return found

    def index_entries(self) -> dict[str, TreeEntry]:
        """The entries of the index by path. Raises WorktreeProblem when a conflict in it is not resolved."""
        found: dict[str, TreeEntry] = {}
        for item in self.run("ls-files", "--stage", "-z").split(b"\0"):
            if item:
                facts, _, name = item.partition(b"\t")
                mode, blob, stage = facts.decode().split(" ")
                if stage != "0":
                    raise WorktreeProblem(f"{self.work} has conflicts that are not resolved: {os.fsdecode(name)}")
                found[os.fsdecode(name)] = TreeEntry(mode, blob)
        return found

    def uncommitted(self, commit: str) -> tuple[list[str], list[str]]:
        """(paths of files that differ from a commit, in the index or on the disk, and new ones that are not ignored; folders of other
        repositories, which git does not commit)."""
        # A touched file is no change, and a file that git was made to assume unchanged can be one.
        with contextlib.suppress(GitFailed):
            self.run("update-index", "-q", "--really-refresh")
        staged = self.names("diff-index", "--cached", "--name-only", "-z", "--no-renames", "--ignore-submodules=dirty", commit)
        changed = self.names("diff-files", "--name-only", "-z", "--no-renames", "--ignore-submodules=dirty")
        new = self.names("ls-files", "--others", "--exclude-standard", "-z")
        nested = [name for name in new if name.endswith("/")]
        return sorted({*staged, *changed, *(name for name in new if not name.endswith("/"))}), nested


@contextlib.contextmanager
def plain_repository(repository: Repository, scratch: Path, admin: str = "", work: str = "") -> Generator[PlainRepository]:
    """A git folder of ours in `scratch`, with a copy of a work tree's index. It is removed at the end. Raises OSError, WorktreeProblem.

    The work tree is `work` with the git folder `admin`; without them, that of the repository.
    """
    git = admin or repository.git
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(dir=scratch, prefix="git-")
    try:
        for name in ("refs/heads", "objects", "info"):
            (Path(folder) / name).mkdir(parents=True)
        (Path(folder) / "HEAD").write_text("ref: refs/heads/none\n")
        (Path(folder) / "config").write_text(_config(repository))
        for name in ("info/exclude", "info/attributes", "shallow"):
            if content := read_small(f"{repository.common}/{name}", COPIED_BYTES_MAX):
                (Path(folder) / name).write_text(content, errors="surrogateescape")
        # A split index refers to files beside it.
        with contextlib.suppress(OSError), os.scandir(git) as entries:
            for entry in entries:
                if entry.name.startswith("sharedindex."):
                    os.symlink(entry.path, f"{folder}/{entry.name}")
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{git}/index", f"{folder}/index")
        yield PlainRepository(repository.program, folder, repository.common, work or repository.top, f"{folder}/index")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lines_of(paths: Iterable[str]) -> bytes:
    """Paths as git reads them with `-z`."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _config(repository: Repository) -> str:
    """The harmless part of the repository's configuration."""
    try:
        listed = repository.program.run("/", "config", "--file", f"{repository.common}/config", "--no-includes", "--list", "-z")
    except GitFailed as failed:
        raise WorktreeProblem(f"the configuration of {repository.top} cannot be read: {failed}") from failed
    lines = ["[core]\n\tbare = false\n\tlogAllRefUpdates = false\n"]
    for item in listed.decode(errors="replace").split("\0"):
        name, _, value = item.partition("\n")
        if name in _KEPT and _VALUE.match(value):
            section, _, key = name.partition(".")
            lines.append(f"[{section}]\n\t{key} = {value}\n")
    if os.path.isdir(f"{repository.common}/lfs"):
        # git-lfs, if the user's configuration runs it, finds its files there.
        escaped = f"{repository.common}/lfs".replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'[lfs]\n\tstorage = "{escaped}"\n')
    return "".join(lines)


def _entry(mode: str, blob: str) -> TreeEntry | None:
    return None if mode == "000000" else TreeEntry(mode, blob)
