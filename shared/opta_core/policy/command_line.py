"""Takes a plain command line apart into its programs and words. A line that is not plain is not guessed at.

A plain line holds only programs with literal words, joined by `&& || ; |`. It has no expansion, glob, assignment, background job,
comment or line break outside quotes, and no redirection but those that join output or throw it away (`2>&1`, `>/dev/null`). A plain line can be judged word by word and is executed exactly as it was
judged; every other line is shown to a person as it is. Grammar: tree-sitter-bash.
"""

import os
import re
import shlex
import threading
from functools import lru_cache

import msgspec
import tree_sitter
import tree_sitter_bash

from ..errors import Refused
from .deceiving_text import deceiving as deceiving
from .programs import BUILTINS, linked_problem, plain_problem

COMMAND_BYTES_MAX = 8192
NODES_MAX = 400
OPERATORS = frozenset({"&&", "||", ";", "|"})
# Words that the shell takes literally. A tilde is allowed only where the shell does not expand it.
_WORD = re.compile(r"[\w@%+=:,./^-][\w@%+=:,./^~!#-]*\Z")
_EXPANDING_TILDE = re.compile(r"[=:]~")
# Redirections that join the outputs of a program, or throw one away.
_HARMLESS_REDIRECT = re.compile(r"(?:[12]?>&[12]|[12]?>>?/dev/null|&>>?/dev/null|0?</dev/null)\Z")
_BETWEEN_WORDS = re.compile(r"[^\w./+@:%=~*?^-]+")


class Part(msgspec.Struct, frozen=True):
    """One program of a line. `argv` holds its words, `joined_by` the operator before it ('' for the first program).

    `program` is the absolute path of the file that runs; '' for a shell builtin and for a program that was not found.
    """

    argv: tuple[str, ...]
    program: str = ""
    joined_by: str = ""
    # Redirections that only throw output away or join it, such as `2>&1`: they do not change what the program does.
    redirects: tuple[str, ...] = ()


class CommandLine(msgspec.Struct, frozen=True):
    """A command line. `why` says why it is not plain; '' when it is plain, and only then it has parts."""

    text: str
    why: str = ""
    parts: tuple[Part, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the parts describe the line completely."""
        return not self.why

    def as_shell(self) -> str:
        """An equivalent line with every word quoted and every program given by its path, so that shell settings do not change it."""
        words: list[str] = []
        for part in self.parts:
            first = part.argv[0] if part.argv[0] in BUILTINS else part.program or part.argv[0]
            words += [part.joined_by] * bool(part.joined_by) + [shlex.quote(word) for word in (first, *part.argv[1:])] + [*part.redirects]
        return " ".join(words)


class NotPlain(Refused):
    """A line is not plain; the message says why."""


def read(text: str, search_path: tuple[str, ...] = (), workspace: str = "") -> CommandLine:
    """Parse a line. Programs are looked up in the folders of `search_path`, never inside `workspace`."""
    try:
        parts = tuple(_located(part, search_path, workspace) for part in _parts(text))
        if problem := next(filter(None, (linked_problem(part.argv, part.program) for part in parts)), ""):
            raise NotPlain(problem)
        return CommandLine(text, parts=parts)
    except NotPlain as problem:
        return CommandLine(text, why=str(problem))


@lru_cache(maxsize=256)
def redirect_targets(text: str) -> tuple[str, ...]:
    """The files that a line redirects to or from, as far as they can be recognised in the text."""
    encoded = text.encode(errors="replace")[:COMMAND_BYTES_MAX]
    found: list[str] = []
    waiting = [_parser().parse(encoded).root_node]
    seen = 0
    while waiting and seen < NODES_MAX:
        node = waiting.pop()
        seen += 1
        if node.type == "file_redirect" and (target := node.child_by_field_name("destination")) is not None:
            found.append(re.sub(r"['\"\\]", "", encoded[target.start_byte : target.end_byte].decode(errors="replace")))
        waiting += node.children
    return tuple(sorted(found))


def all_words(text: str) -> list[str]:
    """Every word that a text could hold after quotes and escapes are removed. For rules that deny."""
    return [word for word in _BETWEEN_WORDS.split(re.sub(r"\\\n|['\"\\]", "", text)) if word]


def parse(encoded: bytes) -> tree_sitter.Node:
    """The syntax tree of a line."""
    return _parser().parse(encoded).root_node


def loose_commands(text: str) -> list[tuple[str, ...]]:
    """The programs of a shell script with their words, as far as they can be recognised in its text. For what destroys."""
    # A word may go on in the next line, unless it stands in a comment.
    return [found for each in dict.fromkeys((text, text.replace("\\\n", ""))) for found in _loose_commands(each)]


def _loose_commands(text: str) -> list[tuple[str, ...]]:
    encoded = text.encode(errors="replace")
    found: list[tuple[str, ...]] = []
    waiting = [parse(encoded)]
    while waiting:
        node = waiting.pop()
        if node.type == "command":
            texts = [
                encoded[child.start_byte : child.end_byte].decode(errors="replace").strip("\"'")
                for child in node.children
                if child.is_named and child.type != "variable_assignment"
            ]
            # Programs that run others stand before what counts.
            while len(texts) > 1 and texts[0].rsplit("/", 1)[-1] in _BEFORE:
                texts = texts[1:]
                while len(texts) > 1 and re.match(r"-|\w+=|\d+\w?\Z", texts[0]):
                    texts = texts[1:]
            if texts and texts[0]:
                found.append((texts[0].rsplit("/", 1)[-1].replace("\\", "").replace("'", "").replace('"', ""), *texts[1:]))
            if texts and texts[0] in ("sh", "bash", "eval", "dash", "zsh"):
                found += [each for word in texts[1:] if " " in word for each in _loose_commands(word)]
        waiting += node.children
    return found


def search_path(path: str, workspace: str) -> tuple[str, ...]:
    """The folders of a PATH in which programs are looked up: absolute, outside the workspace, and not writable for everyone."""
    root = os.path.realpath(workspace) if workspace else ""
    found: list[str] = []
    for folder in path.split(os.pathsep):
        real = os.path.realpath(folder) if folder.startswith("/") else ""
        if real and folder not in found and not (root and _is_beneath(real, root)) and not _is_writable_for_all(real):
            found.append(folder)
    return tuple(found)


# Programs of a script that run the one that follows.
_BEFORE = frozenset("sudo env command exec nohup time timeout nice xargs npx cross-env builtin doas stdbuf setsid".split())


@lru_cache(maxsize=256)
def _parts(text: str) -> tuple[Part, ...]:
    if character := deceiving(text):
        raise NotPlain(f"it holds the character {character}")
    encoded = text.encode(errors="replace")
    if len(encoded) > COMMAND_BYTES_MAX:
        raise NotPlain(f"it is longer than {COMMAND_BYTES_MAX} bytes")
    root = _parser().parse(encoded).root_node
    if root.has_error:
        raise NotPlain("it cannot be parsed")
    parser = _PartCollector(encoded)
    parser.walk(root)
    return parser.finish()


_of_thread = threading.local()


def _parser() -> tree_sitter.Parser:
    """The parser of this thread: two threads must not use one at the same time."""
    if not hasattr(_of_thread, "parser"):
        _of_thread.parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
    return _of_thread.parser


class _PartCollector:
    """Collects the parts of a line by visiting the syntax tree in text order."""

    def __init__(self, encoded: bytes):
        self._encoded = encoded
        self._nodes = 0
        self._end = 0
        self._operator = ""
        self._parts: list[Part] = []

    def walk(self, node: tree_sitter.Node) -> None:
        """Visit a node. Raises NotPlain."""
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise NotPlain(f"it has more than {NODES_MAX} parts")
        if node.is_missing:
            raise NotPlain("it is not complete")
        if node.type in ("program", "list", "pipeline"):
            for child in node.children:
                self.walk(child)
        elif node.type == "command":
            self._command(node)
        elif node.type in OPERATORS or node.type == "|&":
            self._cover(node)
            if self._operator or not self._parts:
                raise NotPlain(f"a program is expected before '{node.type}'")
            if node.type == "|&":
                self._add_redirect("2>&1")
            self._operator = node.type[0] if node.type == "|&" else node.type
        elif node.type == "redirected_statement" and all(child.is_named for child in node.children) and len(node.children) > 1:
            self.walk(node.children[0])
            for child in node.children[1:]:
                self._redirect(child)
        elif node.type == "redirected_statement":
            raise NotPlain(f"it redirects ({', '.join(redirect_targets(self._encoded.decode(errors='replace'))) or 'text into a program'})")
        else:
            raise NotPlain(_REASONS.get(node.type, f"it holds a {node.type.replace('_', ' ')}"))

    def finish(self) -> tuple[Part, ...]:
        """All parts. Raises NotPlain."""
        if self._encoded[self._end :].strip(b" \t"):
            raise NotPlain("there is text after its last word")
        if not self._parts:
            raise NotPlain("it is empty")
        if self._operator and self._operator != ";":
            raise NotPlain(f"nothing follows '{self._operator}'")
        return tuple(self._parts)

    def _command(self, node: tree_sitter.Node) -> None:
        if self._parts and not self._operator:
            raise NotPlain("a line break joins its programs")
        words: list[str] = []
        for child in node.children:
            self._nodes += 1
            leaf = child.children[0] if child.type == "command_name" and child.children else child
            words.append(self._word(leaf))
            self._cover(child)
        if self._nodes > NODES_MAX:
            raise NotPlain(f"it has more than {NODES_MAX} parts")
        if problem := plain_problem(tuple(words)):
            raise NotPlain(problem)
        self._parts.append(Part(tuple(words), joined_by=self._operator))
        self._operator = ""

    def _redirect(self, node: tree_sitter.Node) -> None:
        text = self._encoded[node.start_byte : node.end_byte].decode(errors="replace")
        compact = re.sub(r"[ \t]+", "", text)
        if node.type != "file_redirect" or not _HARMLESS_REDIRECT.match(compact) or self._operator:
            raise NotPlain(f"it redirects ({', '.join(redirect_targets(self._encoded.decode(errors='replace'))) or 'text into a program'})")
        self._cover(node)
        self._add_redirect(compact)

    def _add_redirect(self, redirect: str) -> None:
        part = self._parts[-1]
        self._parts[-1] = msgspec.structs.replace(part, redirects=(*part.redirects, redirect))

    def _word(self, node: tree_sitter.Node) -> str:
        text = self._encoded[node.start_byte : node.end_byte].decode()
        match node.type:
            case "word" | "number" if _WORD.match(text) and not _EXPANDING_TILDE.search(text):
                return text
            case "raw_string":
                return text[1:-1]
            case "string" if all(child.type in ('"', "string_content") for child in node.children) and not set("\\$`") & set(text):
                return text[1:-1]
            case "concatenation" if self._is_seamless(node):
                return "".join(self._word(child) for child in node.children)
            case "word" | "number" | "concatenation":
                raise NotPlain(f"the shell would expand {text[:60]}")
            case _:
                raise NotPlain(_REASONS.get(node.type, f"it holds a {node.type.replace('_', ' ')}"))

    def _is_seamless(self, node: tree_sitter.Node) -> bool:
        at = node.start_byte
        for child in node.children:
            if child.start_byte != at:
                return False
            at = child.end_byte
        return at == node.end_byte and bool(node.children)

    def _cover(self, node: tree_sitter.Node) -> None:
        """Check that only blanks lie between the last node and this one; otherwise the tree does not represent the whole text."""
        if self._encoded[self._end : node.start_byte].strip(b" \t"):
            raise NotPlain(
                "a line break joins its programs" if b"\n" in self._encoded[self._end : node.start_byte] else "it cannot be parsed"
            )
        self._end = node.end_byte


# Node type of tree-sitter-bash -> why a line that holds it is not plain.
_REASONS = {
    "herestring_redirect": "it redirects input or output",
    "file_redirect": "it redirects input or output",
    "command_substitution": "it runs a program inside a word",
    "process_substitution": "it runs a program inside a word",
    "variable_assignment": "it sets a variable",
    "variable_assignments": "it sets a variable",
    "declaration_command": "it sets a variable",
    "simple_expansion": "it uses a variable",
    "expansion": "it uses a variable",
    "string": "it uses a variable or an escape in quotes",
    "ansi_c_string": "it holds an escaped string",
    "translated_string": "it holds a translated string",
    "comment": "it holds a comment",
    "&": "it runs a program in the background",
    ";;": "it cannot be parsed",
    "negated_command": "it negates a result",
    "function_definition": "it defines a function",
    "subshell": "it runs a subshell",
}


def _located(part: Part, folders: tuple[str, ...], workspace: str) -> Part:
    program = located(part.argv[0], folders, workspace)
    return msgspec.structs.replace(part, program=program) if program else part


def located(name: str, folders: tuple[str, ...], workspace: str) -> str:
    """The file of a program in one of `folders`, never one of the workspace; '' when there is none."""
    root = os.path.realpath(workspace) if workspace else ""
    for folder in folders:
        file = f"{folder}/{name}"
        # A link that leads into the workspace counts as a program of the workspace.
        if os.access(file, os.X_OK) and os.path.isfile(file) and not (root and _is_beneath(os.path.realpath(file), root)):
            return file
    return ""


def _is_beneath(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


@lru_cache(maxsize=64)
def _is_writable_for_all(folder: str) -> bool:
    try:
        return bool(os.stat(folder).st_mode & 0o002)
    except OSError:
        return False
