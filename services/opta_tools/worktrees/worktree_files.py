"""Writes of files of a work tree: a tree into an empty folder, and the files that differ between two commits, whole or not at all."""

import contextlib
import os
from collections.abc import Iterable

from .git_program import GitFailed, WorktreeProblem
from .plain_repository import GITLINK, PlainRepository, TreeChange, TreeEntry, lines_of
from .repository import named


def check_out(plain: PlainRepository, commit: str) -> None:
    """Write a commit's files into the empty work tree, and its index. Raises GitFailed; then some files may be there."""
    plain.run("read-tree", "--reset", "-u", commit)


def commit_all(plain: PlainRepository, parent: str, title: str, author: dict[str, str]) -> str:
    """A commit of everything in the work tree that is not ignored, on `parent`; `parent` itself when nothing differs. Raises GitFailed."""
    tree = write_all(plain, parent)
    return parent if tree == plain.tree_of(parent) else new_commit(plain, tree, [parent], title, author)


def write_all(plain: PlainRepository, parent: str) -> str:
    """Add everything that is not ignored to the index; the tree of it. Raises GitFailed, WorktreeProblem: conflicts are not resolved."""
    plain.index_entries()
    changed, _ = plain.uncommitted(parent)
    if changed:
        plain.run("update-index", "--add", "--remove", "-z", "--stdin", given=lines_of(changed))
    return plain.text("write-tree")


def new_commit(plain: PlainRepository, tree: str, parents: list[str], title: str, author: dict[str, str]) -> str:
    """Make a commit. Raises GitFailed."""
    words = [word for parent in parents for word in ("-p", parent)]
    return plain.text("commit-tree", tree, *words, "-F", "-", given=title.encode(errors="replace"), **author)


def merged_tree(plain: PlainRepository, ours: str, theirs: str) -> str:
    """The tree of both histories together. Raises WorktreeProblem: they conflict, and in which files."""
    try:
        return plain.text("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", ours, theirs).split("\0")[0]
    except GitFailed as failed:
        if failed.code == 1:
            files = sorted({os.fsdecode(name) for name in failed.output.split(b"\0")[1:] if name})
            raise WorktreeProblem(
                f"the branch and the worktree changed the same places of {named(files)}, so nothing was merged. Merge the branch into the "
                "worktree there, resolve it, and merge again",
                files,
            ) from failed
        if failed.code == 129:
            raise WorktreeProblem("the branch has moved on since, and merging then needs git 2.38 or newer") from failed
        raise


class HalfMerged(WorktreeProblem):
    """A step failed in the middle, and could not be taken back. It is finished later."""


class TreeStep:
    """The step of a work tree from one commit to another one. `plain.index` is a copy of the work tree's index.

    Files that neither commit names are not touched. A file that has the new content already counts as written, so a step that was
    interrupted is finished by the same calls.
    """

    def __init__(self, plain: PlainRepository, before: str, after: str):
        self._plain, self._before, self._after = plain, before, after
        self.changes = plain.changes(before, after)
        # Files that had their new content before the step.
        self._done: set[str] = set()
        self._index_before = f"{plain.folder}/index-before"
        try:
            self._has_modes = plain.text("config", "--type=bool", "core.fileMode") != "false"
        except GitFailed:
            self._has_modes = True

    def check(self, *, is_resumed: bool = False) -> None:
        """Raises WorktreeProblem: files of the step have other changes, which ones. Prepares the index.

        `is_resumed`: the step had begun, and a file that is missing was being written.
        """
        plain, changes = self._plain, {change.path: change for change in self.changes}
        with contextlib.suppress(GitFailed):
            plain.run("update-index", "-q", "--refresh")
        staged = plain.index_entries()
        changed = set(plain.names("diff-files", "--name-only", "-z", "--no-renames", "--ignore-submodules=dirty"))
        blocked: list[str] = []
        done: list[tuple[str, TreeEntry | None]] = []
        written: set[str] = set()
        for path, change in changes.items():
            entry = staged.get(path)
            if entry is not None and path not in changed:
                is_free, is_done = entry in (change.before, change.after), entry == change.after
            else:
                # Not in the index, or other on the disk than in the index.
                found = self._on_disk(path, change)
                is_done = found == change.after
                is_free = is_done or (found is None and entry is None and change.before is None)
                is_free = is_free or (found == change.before and entry in (None, change.before, change.after))
                is_free = is_free or (is_resumed and found is None and entry == change.before)
                is_free = is_free and entry in (None, change.before, change.after)
            if is_done:
                written.add(path)
            if not is_free:
                blocked.append(path)
            elif is_done and entry != change.after:
                done.append((path, change.after))
        if blocked:
            raise WorktreeProblem(
                f"{plain.work} has uncommitted changes in {named(blocked)}, which the merge would write, so nothing was merged. Commit or stash "
                "them there, and merge again",
                sorted(blocked),
            )
        self._done = written
        self._note(done)

    def write(self) -> None:
        """Write the files and the copy of the index. Raises WorktreeProblem; then everything is as it was before."""
        try:
            # git looks at more than `check` does: at files that it was made to assume unchanged, and at ignored ones in the way.
            self._plain.run("read-tree", "-m", "-u", "--dry-run", self._before, self._after)
        except GitFailed as failed:
            raise WorktreeProblem(f"git would lose changes in {self._plain.work}, so nothing was merged: {failed}") from failed
        # What taking it back needs, while there is space for it.
        self._plain.run("read-tree", self._before, index=self._index_before)
        try:
            self._plain.run("read-tree", "-m", "-u", self._before, self._after)
        except GitFailed as failed:
            self.take_back()
            raise WorktreeProblem(f"the files of {self._plain.work} could not be written, so nothing was merged: {failed}") from failed

    def take_back(self) -> None:
        """Put back the files that `write` wrote, or began to write. Raises HalfMerged: a file cannot be put back."""
        plain = self._plain
        changes = [change for change in self.changes if change.path not in self._done]
        try:
            for change in changes:
                # Nothing was there before, or git would not have begun.
                if change.before is None:
                    self._remove(change.path)
            if restored := [change.path for change in changes if change.before is not None and change.before.mode != GITLINK]:
                plain.run("checkout-index", "--force", "-z", "--stdin", given=lines_of(restored), index=self._index_before)
        except (GitFailed, OSError) as failed:
            raise HalfMerged(
                f"the merge into {plain.work} failed in the middle ({failed}), and some of its files are written. Merge again when this is "
                "solved; it is also finished when Opta starts"
            ) from failed

    def remove_begun(self) -> None:
        """Remove files that a killed git had begun to write: each holds a beginning of its new content, and no other one."""
        for change in self.changes:
            if change.after is None or change.after.mode not in ("100644", "100755"):
                continue
            full = os.path.join(self._plain.work, change.path)
            if (
                os.path.isfile(full)
                and not os.path.islink(full)
                and self._on_disk(change.path, change) not in (change.before, change.after)
            ):
                content = self._plain.run("cat-file", "--filters", f"--path={change.path}", change.after.blob)
                with open(full, "rb") as handle:
                    begun = handle.read(len(content) + 1)
                if len(begun) < len(content) and content.startswith(begun):
                    self._remove(change.path)

    def _remove(self, path: str) -> None:
        """Remove a file, and the folders above it that are empty then. No link is followed."""
        full = os.path.join(self._plain.work, path)
        if os.path.realpath(os.path.dirname(full)) != os.path.dirname(full) or not os.path.lexists(full) or os.path.isdir(full):
            return
        os.unlink(full)
        with contextlib.suppress(OSError):
            while (full := os.path.dirname(full)) != self._plain.work:
                os.rmdir(full)

    def _on_disk(self, path: str, change: TreeChange) -> TreeEntry | None:
        """The entry that a file on the disk would have; None when there is no file, or a folder of a submodule."""
        full = os.path.join(self._plain.work, path)
        if os.path.islink(full):
            blob = self._plain.text("hash-object", "--stdin", "--no-filters", given=os.fsencode(os.readlink(full)))
            return TreeEntry("120000", blob)
        if os.path.isdir(full):
            known = change.before if change.before and change.before.mode == GITLINK else change.after
            return known if known and known.mode == GITLINK else None if not os.listdir(full) else TreeEntry("folder", "")
        if not os.path.lexists(full):
            return None
        if not os.path.isfile(full):
            return TreeEntry("special", "")
        blob = self._plain.text("hash-object", f"--path={path}", "--", full)
        if not self._has_modes:
            mode = next((entry.mode for entry in (change.before, change.after) if entry and entry.blob == blob), "100644")
        else:
            mode = "100755" if os.stat(full).st_mode & 0o100 else "100644"
        return TreeEntry(mode, blob)

    def _note(self, done: Iterable[tuple[str, TreeEntry | None]]) -> None:
        """Give the copy of the index the entries of files that have their new content already."""
        lines = b""
        for path, entry in done:
            mode, blob = (entry.mode, entry.blob) if entry else ("0", "0" * len(self._before))
            lines += f"{mode} {blob}\t".encode() + os.fsencode(path) + b"\0"
        if lines:
            self._plain.run("update-index", "-z", "--index-info", given=lines)
