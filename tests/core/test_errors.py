"""One tree of errors: whoever catches OptaError meets every error of ours that crosses a module."""

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("shared", "services", "cli", "desktop/opta_desktop", "lmx/opta_lmx")
# The root of the tree; what a model reads; what a model wrote and nobody can read; a provider's error on its way to being classified;
# a line of the protocol package, which imports nothing of ours; the sandbox's own processes; why a line is not held by the sandbox, and
# what an MCP server answered, each on its way to a verdict or a problem; what a chat template refuses, a cache that cannot be shortened, and
# why a task of the exam was not run, each on its way to an answer; why a file cannot be undone, or a workspace is not covered by undo;
# why a checker could not check, on its way to the result of an edit; a snapshot that the store reads the journal instead of.
OUTSIDE = {
    "PictureRefusal",
    "AdapterError",
    "OptaError",
    "ToolProblem",
    "BadArguments",
    "UnreadableArguments",
    "Unreadable",
    "ErrorInStream",
    "CorruptLine",
    "GuardError",
    "WorktreeProblem",
    "HalfMerged",
    "GitFailed",
    "BuildError",
    "Leaves",
    "RpcError",
    "ConnectionEnded",
    "TemplateRefusal",
    "NotTrimmed",
    "NotRun",
    "ChangedMeanwhile",
    "CannotRestore",
    "CannotRevert",
    "MergeConflict",
    "NotCovered",
    "CheckFailed",
    "UnreadableOutput",
    "UnusableSnapshot",
}


def classes() -> Iterator[tuple[str, list[str]]]:
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.ClassDef):
                    yield node.name, [base.id for base in node.bases if isinstance(base, ast.Name)]


def is_builtin_error(name: str) -> bool:
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)


def test_every_public_error_class_is_in_the_tree() -> None:
    found = {name for name, bases in classes() if not name.startswith("_") and any(map(is_builtin_error, bases))}
    assert found - OUTSIDE == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_folders_are_there(folder: str) -> None:
    assert any((ROOT / folder).rglob("*.py"))
