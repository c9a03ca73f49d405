"""The rules of `./opta dev tidy`. Each reads the tree and returns the places that break it, with counts.

A rule maps a place (a file, a name, a word and a package) to a count. `tidy.py` compares the counts with what is allowed.
"""

import ast
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PRODUCT = ("shared", "services", "lmx", "cli", "desktop/opta_desktop")
CODE = (*PRODUCT, "ops", "bench", "tests")
PROSE = ("docs", "ops", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")
PAGE = "desktop/web/src"
LINES_MAX = 400

# Words to replace by a standard term, in code, comments, messages and documents.
WORDS = {
    "class 1": (r"\bclass[ -]1\b", "durable event"),
    "door": (r"\bdoors?\b", "endpoint"),
    # Not a parser's method, not httptools' feed_data, not feed-forward layers.
    "feed": (r"(?<!def )(?<!\.)\bfeeds?\b(?! (data|forward)\b)", "subscription"),
    "firm": (r"\bfirm(ly)?\b", "durable"),
    "mend": (r"\bmend(s|ed|ing)?\b", "fix, repair"),
    "poke": (r"\bpok(e|es|ed|ing)\b", "wake up"),
    "shelf": (r"\b(shelf|shelves)\b", "catalog, pool"),
    "stand-in": (r"\bstand[ -]?ins?\b", "placeholder"),
    "told": (r"\btold\b", "reported, sent"),
}
# Words that are plain English in a sentence, and a private term in a name.
NAMES = {
    "hands": "executor",
    "life": "incarnation",
    "own": "private",
    "place": "slot",
    "room": "capacity, backpressure",
    "way": "route",
}
# "place" is a queue slot only in LMX; in the sandbox it is a folder with limits.
ONLY_IN = {"place": "lmx/"}


def duplicate_modules(root: Path) -> Counter[str]:
    """Module names that occur more than once in product code, with the number of files."""
    named = Counter(file.stem for file in _files(root, PRODUCT) if not file.stem.startswith("__"))
    return _more_than(1, named)


def duplicate_classes(root: Path) -> Counter[str]:
    """Public class names that are defined more than once in product code."""
    return _more_than(1, Counter(name for file in _files(root, PRODUCT) for name in _facts(file).classes if not name.startswith("_")))


def broad_excepts(root: Path) -> Counter[str]:
    """Handlers of all exceptions, by file and function. A handler that only cleans up and raises again is not counted."""
    return Counter(f"{_name(root, file)}::{where}" for file in _files(root, CODE) for where in _facts(file).broad_excepts)


def long_files(root: Path) -> Counter[str]:
    """Files of more than LINES_MAX lines. Generated files are not counted."""
    page = [file for file in sorted((root / PAGE).rglob("*.ts*")) if "generated" not in file.read_text().partition("\n")[0].lower()]
    return _more_than(LINES_MAX, Counter({_name(root, file): len(file.read_text().splitlines()) for file in [*_files(root, CODE), *page]}))


def second_spellings(root: Path) -> Counter[str]:
    """Uses of words that have a standard term, by word and package."""
    found: Counter[str] = Counter()
    for file in _texts(root):
        text = _spaced(file.read_text())
        for word, (pattern, _) in WORDS.items():
            found[f"{word} in {_package(root, file)}"] += len(re.findall(pattern, text))
    for file in _files(root, CODE):
        if file.stem.startswith(("tidy", "test_tidy")):
            continue
        for word in NAMES:
            if word not in ONLY_IN or _name(root, file).startswith(ONLY_IN[word]):
                found[f"{word} in names of {_package(root, file)}"] += _facts(file).name_parts[word]
    return _more_than(0, found)


def private_access(root: Path) -> Counter[str]:
    """Private attributes of another object that a test reads, sets or imports, by file."""
    return _more_than(0, Counter({_name(root, file): _facts(file).private_access for file in _files(root, ("tests",))}))


def sleeps(root: Path) -> Counter[str]:
    """Calls of `time.sleep` and `asyncio.sleep` in tests, by file. `asyncio.sleep(0)` lets other tasks run and is not counted."""
    return _more_than(0, Counter({_name(root, file): _facts(file).sleeps for file in _files(root, ("tests",))}))


RULES: dict[str, tuple[Callable[[Path], Counter[str]], str]] = {
    "duplicate-modules": (duplicate_modules, "the name of a module that exists elsewhere: choose a name that says which one it is"),
    "duplicate-classes": (duplicate_classes, "the name of a public class that exists elsewhere: choose a name that says which one it is"),
    "broad-excepts": (broad_excepts, "a handler of every exception: name what can be handled, or list the place with its reason"),
    "long-files": (long_files, f"more than {LINES_MAX} lines: look for the second noun"),
    "second-spellings": (second_spellings, "a word that has a standard term: see WORDS and NAMES in ops/tidy_rules.py"),
    "private-access": (private_access, "a test that reaches into private attributes: use or add a public interface"),
    "sleeps": (sleeps, "a test that sleeps: wait for the event, or poll with support.oracles.until"),
}


def _files(root: Path, folders: tuple[str, ...]) -> list[Path]:
    return [
        file
        for folder in folders
        for file in sorted((root / folder).rglob("*.py"))
        if not {"node_modules", "__pycache__", "static"} & set(file.parts)
    ]


def _texts(root: Path) -> Iterator[Path]:
    """The files whose words are checked."""
    yield from (file for file in _files(root, CODE) if not file.stem.startswith(("tidy", "test_tidy")))
    yield from sorted((root / PAGE).rglob("*.ts*"))
    for each in PROSE:
        yield from [root / each] if (root / each).is_file() else sorted((root / each).rglob("*.md"))


@dataclass
class _Facts:
    """The facts about one file that the rules use."""

    name_parts: Counter[str]
    classes: list[str] = field(default_factory=list[str])
    broad_excepts: list[str] = field(default_factory=list[str])  # the functions that hold them
    private_access: int = 0
    sleeps: int = 0


@functools.cache
def _facts(file: Path) -> _Facts:
    """Read a file once, because most rules look at every file."""
    facts = _Facts(Counter(_spaced(file.stem).split()))
    for where, node in _with_function(ast.parse(file.read_text())):
        # One of these fields holds the node's name: of a variable, attribute, argument, function, class or import.
        for each in ("id", "attr", "arg", "name", "asname"):
            if isinstance(name := getattr(node, each, None), str):
                facts.name_parts.update(_spaced(name).split())
        if isinstance(node, ast.ClassDef):
            facts.classes.append(node.name)
        elif isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node):
            facts.broad_excepts.append(where)
        facts.private_access += _reaches_in(node)
        facts.sleeps += _sleeps(node)
    return facts


def _name(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


def _package(root: Path, file: Path) -> str:
    """The folder under which a word is counted: two levels of the tree."""
    parts = file.relative_to(root).parts
    return "/".join(parts[: min(2, len(parts) - 1)]) or parts[0]


def _more_than(limit: int, counts: Counter[str]) -> Counter[str]:
    return Counter({place: count for place, count in counts.items() if count > limit})


def _with_function(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Each node with the dotted name of the function around it."""
    waiting = [("module", tree)]
    while waiting:
        inside, parent = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            within = inside
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                within = node.name if inside == "module" else f"{inside}.{node.name}"
            waiting.append((within, node))
            yield within, node


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException")) for kind in kinds)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _spaced(text: str) -> str:
    """Lower case, with the words of an identifier separated."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ").lower()


def _is_private(name: object) -> bool:
    return isinstance(name, str) and name.startswith("_") and not name.startswith("__") and name != "_"


def _reaches_in(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        # `os._exit` and `sys._getframe` are documented functions.
        return _is_private(node.attr) and not _is_its_own(node.value)
    if isinstance(node, ast.ImportFrom):
        return any(_is_private(each.name) for each in node.names)
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return called in ("setattr", "getattr", "delattr") and any(
            isinstance(each, ast.Constant) and _is_private(each.value) for each in node.args
        )
    return False


def _is_its_own(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "super"
    return isinstance(value, ast.Name) and value.id in ("self", "cls", "os", "sys")


def _sleeps(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep"):
        return False
    zero = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
    return isinstance(node.func.value, ast.Name) and node.func.value.id in ("time", "asyncio") and not zero
