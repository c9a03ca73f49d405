"""Prevents git from running programs that commands planted: in new repositories, in parts of known ones, in configurations and in
unfinished operations.
"""

import contextlib
import os

from . import new_repository
from .aside import quoted
from .control import Control
from .controls import Controls
from .git_config import CONFIG_BYTES_MAX, is_same, plain_config
from .git_folders import joined
from .git_states import GIT_STATES, program_lines
from .known import KnownControls
from .placeholders import is_placeholder
from .regular_files import content, is_there
from .tree_aside import EXCHANGED, TreeAside


class GitGuard:
    """Guards the repositories of one tree. `known`: the state of the tree's guard, which receives configurations that were cleaned."""

    def __init__(self, controls: Controls, known: KnownControls, tree: TreeAside):
        self._controls, self._known, self._tree = controls, known, tree
        # Path of an unfinished operation -> its lines that run programs, before commands began
        self._plans: dict[str, frozenset[bytes]] = {}
        # Whether the last check cleaned a configuration, which is protected only from the next mount on
        self.has_cleaned = False

    def begin(self) -> None:
        """Record the unfinished operations that exist now: they belong to a person."""
        self._plans = self._rebases()

    def clean_repository(self, control: Control) -> list[str] | None:
        """Keep a new repository, but put aside the parts that make git run programs. Returns notes; None if it was replaced meanwhile."""
        try:
            git = self._controls.open_folder(control.path)
        except OSError as error:
            if error.errno in EXCHANGED:
                return None
            raise
        try:
            seen = os.fstat(git)
            if (seen.st_dev, seen.st_ino) != control.identity:
                return None  # replaced meanwhile: the next check finds the replacement
            notes, text = new_repository.clean(git, control.path, self._tree.aside)
            self._known.configs[control.identity, "config"] = text
            return notes
        finally:
            os.close(git)

    def clean_part(self, control: Control, found: dict[str, Control]) -> list[str]:
        """Put aside a new part of a known repository: another commondir, a worktree that leads elsewhere, hooks. Returns notes."""
        folder, _, name = control.path.rpartition("/")
        if ".git" not in control.path.split("/")[:-1] or control.is_git:
            return []
        above, _ = self._tree.parent(control.path)
        if above < 0:
            return []
        try:
            seen = os.fstat(above)
            if control.above != (seen.st_dev, seen.st_ino):
                return []  # replaced meanwhile: the next check finds the replacement
            if is_placeholder(above, name) or name in ("modules", "worktrees", "info"):
                return []
            parts = control.path.split("/")
            is_of_tree = "worktrees" in parts[:-1]
            if name == "hooks" and control.is_folder and not is_of_tree:
                hooks = new_repository.hooks(above)
                if len(hooks) <= new_repository.HOOKS_MAX:
                    return [note for hook in hooks for note in new_repository.take_from(above, hook, folder, self._tree.aside)]
            if is_of_tree:
                # `git worktree add` makes a commondir that leads to the repository that holds it.
                if name == "commondir" and (content(above, name, CONFIG_BYTES_MAX) or b"").strip() == b"../..":
                    return []
                if name == "gitdir" or (parts[-2] == "worktrees" and control.is_folder):
                    return []
            elif name == "config" and not control.links and not control.is_folder and found.get(folder) is not None:
                return []  # checked by its text, in clean_configs
        finally:
            os.close(above)
        return self._tree.put(control.path, control)

    def clean_configs(self, found: dict[str, Control], made: set[tuple[int, int]]) -> list[str]:
        """Clean the configurations of known repositories that were replaced: remove new keys that run programs. Returns notes.

        `made`: identities of new git folders, which clean_repository handles.
        """
        notes: list[str] = []
        self.has_cleaned = False
        for place, (folder, text) in self._controls.git.configs.items():
            identity, name = place
            known = self._known.configs.get(place, "")
            if identity in made or text == known:
                continue
            if known is None:
                notes.append(f"{quoted(joined(folder, name))} is too large to be compared. Check it before you use git here.")
                continue
            # A configuration that became too large to be read is put aside, and its former text restored.
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
        """Put aside operations that a command left unfinished and that would run programs when a person continues them. Returns notes."""
        now = self._rebases()
        return [note for path, runs in now.items() if runs - self._plans.get(path, frozenset()) for note in self._tree.put(path)]

    def _rebases(self) -> dict[str, frozenset[bytes]]:
        """Path of each state folder of an unfinished operation, including those of worktrees -> its lines that run a program."""
        found: dict[str, frozenset[bytes]] = {}
        for at in self._controls.git_states():
            with contextlib.suppress(OSError):
                git = self._controls.open_folder(at)
                try:
                    for folder, plans in GIT_STATES.items():
                        if is_there(git, folder):
                            lines = (program_lines(git, f"{folder}/{name}", name) for name in plans)
                            found[joined(at, folder)] = frozenset[bytes]().union(*lines)
                finally:
                    os.close(git)
        return found
