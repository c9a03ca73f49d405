"""What the files of a project say about the programs that check it: configurations and dependencies, read beneath the workspace."""

import os
import re

from ..files.workspace import PathProblem, Workspace

FILE_BYTES_MAX = 512 * 1024
DEPTH_MAX = 24
# Files that name dependencies, one a line or in quotes.
_REQUIREMENTS = (
    "pyproject.toml", "requirements.txt", "requirements-dev.txt", "requirements-dev.in", "requirements-test.txt", "dev-requirements.txt",
    "requirements/dev.txt", "requirements_dev.txt", "setup.cfg", "tox.ini", "Pipfile", ".pre-commit-config.yaml",
)  # fmt: skip


class ProjectFiles:
    """The files of a workspace as the search for checkers sees them. `file` is the edited file, relative to the workspace."""

    def __init__(self, workspace: Workspace, file: str):
        self._workspace = workspace
        self._texts: dict[str, str | None] = {}
        *folders, self.name = file.split("/")
        # The folders from the file's own up to the workspace.
        self.folders = ["/".join(folders[:depth]) or "." for depth in range(len(folders), -1, -1)][-DEPTH_MAX:]

    def text(self, path: str) -> str | None:
        """The beginning of a file; None when there is none."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def has(self, path: str) -> bool:
        """Whether there is a file."""
        try:
            os.close(self._workspace.open_regular(path))
        except PathProblem:
            return False
        return True

    def nearest(self, *names: str) -> str | None:
        """The nearest folder that holds one of the files; None when there is none."""
        return next((folder for folder in self.folders if any(self.has(f"{folder}/{name}") for name in names)), None)

    def nearest_with(self, name: str, pattern: str) -> str | None:
        """The nearest folder whose file `name` holds a pattern."""
        return next((folder for folder in self.folders if re.search(pattern, self.text(f"{folder}/{name}") or "")), None)

    def depends_on(self, package: str) -> str | None:
        """The nearest folder whose files name a Python package as a dependency."""
        named = re.compile(rf"(?m)(?:^[ \t]*+|[\"'/]){re.escape(package)}(?:-pre-commit)?(?:[\s\"'=<>~!\[;,]|$)")
        return next(
            (folder for folder in self.folders if any(named.search(self.text(f"{folder}/{name}") or "") for name in _REQUIREMENTS)), None
        )

    def program(self, *paths: str) -> str:
        """The nearest program that the project has at one of the paths, as an absolute path; '' for none."""
        for folder in self.folders:
            for path in paths:
                found = os.path.normpath(f"{self._workspace.path}/{folder}/{path}")
                if os.path.isfile(found) and os.access(found, os.X_OK):
                    return found
        return ""

    def _read(self, path: str) -> str | None:
        try:
            with os.fdopen(self._workspace.open_regular(path), "rb") as handle:
                return handle.read(FILE_BYTES_MAX).decode(errors="replace")
        except (PathProblem, OSError):
            return None
