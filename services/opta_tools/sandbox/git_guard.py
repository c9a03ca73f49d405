"""Keeps the repositories of a tree from running what commands made: new ones, parts of known ones, configurations, unfinished work."""

import contextlib
import os

from . import new_repository
from .aside import quoted
from .control import Control
from .controls import Controls
from .git_config import CONFIG_BYTES_MAX, is_same, plain_config
from .git_folders import is_placeholder, joined
from .git_states import GIT_STATES, what_runs
from .known import Known
from .regular_files import content, is_there
from .tree_aside import EXCHANGED, TreeAside


class GitGuard:
    """One tree's. `known` is what the tree's guard knows, and is told what was put in order."""

    def __init__(self, controls: Controls, known: Known, tree: TreeAside):
        self._controls, self._known, self._tree = controls, known, tree
        # What ran programs in unfinished work before commands began.
        self._plans: dict[str, frozenset[bytes]] = {}
        # Whether the last look put a configuration in order, which is protected only from the next mount on.
        self.has_cleaned = False

    def begin(self) -> None:
        """What is unfinished now is a person's."""
        self._plans = self._rebases()

    def clean_repository(self, control: Control) -> list[str] | None:
        """Keep a new repository, without what makes git run programs; what to say, None when it was not there to be cleaned."""
        try:
            git = self._controls.open_folder(control.path)
        except OSError as error:
            if error.errno in EXCHANGED:
                return None
            raise
        try:
            seen = os.fstat(git)
            if (seen.st_dev, seen.st_ino) != control.identity:
                return None  # exchanged meanwhile: the next look finds what is there
            notes, text = new_repository.clean(git, control.path, self._tree.aside)
            self._known.configs[control.identity, "config"] = text
            return notes
        finally:
            os.close(git)

    def clean_part(self, control: Control, found: dict[str, Control]) -> list[str]:
        """A part of a repository that was known, made anew: another commondir, a worktree that leads elsewhere, hooks where there were none."""
        folder, _, name = control.path.rpartition("/")
        if ".git" not in control.path.split("/")[:-1] or control.is_git:
            return []
        above, _ = self._tree.parent(control.path)
        if above < 0:
            return []
        try:
            seen = os.fstat(above)
            if control.above != (seen.st_dev, seen.st_ino):
                return []  # exchanged meanwhile: the next look finds what is there
            if is_placeholder(above, name) or name in ("modules", "worktrees", "info"):
                return []
            parts = control.path.split("/")
            is_of_tree = "worktrees" in parts[:-1]
            if name == "hooks" and control.is_folder and not is_of_tree:
                hooks = new_repository.hooks(above)
                if len(hooks) <= new_repository.HOOKS_MAX:
                    return [note for hook in hooks for note in new_repository.take_from(above, hook, folder, self._tree.aside)]
            if is_of_tree:
                # What `git worktree add` makes leads to the repository above it.
                if name == "commondir" and (content(above, name, CONFIG_BYTES_MAX) or b"").strip() == b"../..":
                    return []
                if name == "gitdir" or (parts[-2] == "worktrees" and control.is_folder):
                    return []
            elif name == "config" and not control.links and not control.is_folder and found.get(folder) is not None:
                return []  # with its repository, by its text
        finally:
            os.close(above)
        return self._tree.put(control.path, control)

    def clean_configs(self, found: dict[str, Control], made: set[tuple[int, int]]) -> list[str]:
        """Configurations of known repositories that were replaced, as git does: without what runs programs and was not there before."""
        notes: list[str] = []
        self.has_cleaned = False
        for place, (folder, text) in self._controls.git.configs.items():
            identity, name = place
            known = self._known.configs.get(place, "")
            if identity in made or text == known:
                continue
            if known is None:
                notes.append(f"{quoted(joined(folder, name))} is too large to be compared. Look at it before you use git here.")
                continue
            # One that grew too large to be read is as it was; the large one is put aside.
            kept = plain_config(text, folder, known, allows_worktree=False) if text is not None else known
            if text is not None and is_same(kept, text):
                self._known.configs[place] = text
                continue
            with contextlib.suppress(FileNotFoundError):
                git = self._controls.open_folder(folder)
                try:
                    seen = os.fstat(git)
                    if identity == (seen.st_dev, seen.st_ino):
                        self._known.configs[place] = kept
                        self.has_cleaned = True
                        notes += new_repository.replace_config(git, name, folder, kept, self._tree.aside)
                finally:
                    os.close(git)
        return notes

    def unfinished(self) -> list[str]:
        """A rebase that a command began and that would run programs when a person goes on with it. One that was there before is a person's."""
        now = self._rebases()
        return [note for path, runs in now.items() if runs - self._plans.get(path, frozenset()) for note in self._tree.put(path)]

    def _rebases(self) -> dict[str, frozenset[bytes]]:
        """git's folders of unfinished work, also of its worktrees: path -> the lines that run a program."""
        found: dict[str, frozenset[bytes]] = {}
        for at in self._controls.git_states():
            with contextlib.suppress(OSError):
                git = self._controls.open_folder(at)
                try:
                    for folder, plans in GIT_STATES.items():
                        if is_there(git, folder):
                            lines = (what_runs(git, f"{folder}/{name}", name) for name in plans)
                            found[joined(at, folder)] = frozenset[bytes]().union(*lines)
                finally:
                    os.close(git)
        return found
