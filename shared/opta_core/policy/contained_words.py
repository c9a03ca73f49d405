"""Reads the words of a line: what a word may be once the shell has expanded it, and what a variable may hold."""

import itertools
import re
from dataclasses import dataclass

import tree_sitter

from . import shell_variables
from .contained_paths import MANY, UNKNOWN, grepped_secret, is_instruction, may_choose_secret
from .contained_state import Leaves, Line, ReadShell
from .path_names import is_secret
from .said_by_programs import cut, printed_by, said_by

VALUES_MAX = 64
_EXPANSION = re.compile(
    r"\$(?:[?#$!@*0-9]|[A-Za-z_]\w*)\Z|\$\{#?[A-Za-z_]\w*(?:(?:%%?|##?|:?[-+]|//?)[^`$}(\\]*)?\}\Z|\$\{#?[A-Za-z_]\w*\[(?:[@*]|\d+)\]\}\Z"
)
_KNOWN_VARIABLES = frozenset("? # $ ! @ * 0 1 2 3 4 5 6 7 8 9 RANDOM SECONDS LINENO USER PIPESTATUS".split())
_NUMBERS = frozenset({"RANDOM", "SECONDS", "LINENO", "?", "#", "$", "!", "UID", "EUID", "PPID"})
# Programs that make text which was nowhere on the line.
_BUILDING = frozenset("base64 base32 basenc xxd od tr rev printf openssl hexdump uudecode gpg".split())
# Programs that change the text that they are given.
_EDITING = frozenset("sed awk gawk mawk cut fold fmt paste column jq yq perl python python3 ruby node".split())
_FED_WORDS_MAX = 2000
# Node type of tree-sitter-bash -> why a line that holds it asks.
REASONS = {
    "function_definition": "it defines a function",
    "&": "it runs a program in the background",
    "translated_string": "it holds a translated string",
    "ERROR": "it cannot be parsed",
}


@dataclass(frozen=True)
class Word:
    """What a word may be. `values`: every possible value, with UNKNOWN for what is computed. `is_split`: the shell splits and expands it."""

    values: tuple[str, ...]
    is_split: bool = False
    is_glob: bool = False


class WordReader:
    """Evaluates words, with the programs within them. `visit` judges a statement: what the programs are is not known here."""

    def __init__(self, encoded: bytes, line: Line, folders: tuple[str, ...], read_shell: ReadShell):
        self._encoded, self._line, self._read_shell = encoded, line, read_shell
        # Where the next command may run, and where it runs when the last one succeeded.
        self._folders: tuple[str, ...] = folders
        self._if_ok: tuple[str, ...] = folders
        # Texts of here documents and here strings.
        self._fed: list[str] = []
        self._is_quoted = False
        # The folders that it has left, which `popd` and `cd -` return to.
        self._left: tuple[str, ...] = ()
        self._variables: dict[str, tuple[str, ...]] = {}
        self._nodes = self._visits = 0
        self._loops = 0
        self._reads_pipe = False

    def visit(self, node: tree_sitter.Node) -> None:
        """Judge a statement. Raises Leaves."""
        raise NotImplementedError

    def _text(self, node: tree_sitter.Node) -> str:
        return self._encoded[node.start_byte : node.end_byte].decode(errors="replace")

    def _argument(self, node: tree_sitter.Node) -> tuple[str, ...]:
        """The words that a word of a command becomes: split, and with its globs and braces expanded."""
        word = self._word(node)
        values = word.values
        if word.is_split:
            values = tuple(MANY if part == UNKNOWN else part for value in values for part in value.split()) or ("",)
        if word.is_glob or (word.is_split and any(set(value) & set("*?[") for value in values)):
            found: list[str] = []
            for value in values:
                if UNKNOWN in value or not set(value) & set("*?["):
                    found.append(value)
                    continue
                expanded = self._line.places.expanded(value, self._folders)
                # It fits nothing yet: an earlier program of the line may make what it fits.
                if expanded == (value,) and may_choose_secret(value):
                    raise Leaves(f"it chooses files with {value[:40]}, which may hold credentials")
                found += expanded if expanded is not None else (value.replace("*", UNKNOWN),)
            if not any(value.startswith("-") for value in values) and any(value.startswith("-") for value in found):
                raise Leaves("a file's name begins with a dash, and a program would take it for an option")
            values = tuple(found)
        return values

    def _word(self, node: tree_sitter.Node) -> Word:
        kind = node.type
        text = self._text(node)
        if kind in ("word", "number", "extglob_pattern", "regex"):
            return self._bare(text)
        if kind == "raw_string":
            return Word((text[1:-1],))
        if kind == "ansi_c_string":
            if re.search(r"\\[^nt\\'\"]", text):
                raise Leaves("it holds an escaped string")
            return Word(
                (text[2:-1].replace("\\n", "\n").replace("\\t", "\t").replace("\\'", "'").replace('\\"', '"').replace("\\\\", "\\"),)
            )
        if kind == "string":
            return self._string(node)
        if kind == "concatenation":
            return self._concatenation(node)
        if kind == "brace_expression":
            return self._braces(text)
        if kind in ("simple_expansion", "expansion"):
            return Word(self._expansion(node), is_split=True)
        if kind == "command_substitution":
            return Word((self._substituted(node),), is_split=True)
        if kind == "process_substitution":
            if not text.startswith("<("):
                raise Leaves("it writes into a program (process substitution)")
            first = len(self._line.programs)
            self._inside(node)
            self._become_words(self._line.programs[first:])
            return Word((UNKNOWN,))
        if kind == "arithmetic_expansion":
            return Word((self._arithmetic(node),))
        raise Leaves(REASONS.get(kind, f"it holds a {kind.replace('_', ' ')}"))

    def _bare(self, text: str) -> Word:
        if text.startswith("~") or re.search(r"[=:]~", text):
            raise Leaves("it names a home folder, which is outside the workspace")
        if "\\\n" in text:
            text = text.replace("\\\n", "")
        if re.search(r"(?<!\\)[{}]", text) and text not in ("{}", "{", "}"):
            return self._braces(text)
        if "\\" in text:
            if re.search(r"(?<!\\)(\\\\)*[*?\[]", text):
                raise Leaves("it mixes escapes and patterns")
            return Word((re.sub(r"\\(.)", r"\1", text),))
        return Word((text,), is_glob=bool(set(text) & set("*?[")))

    def _braces(self, text: str) -> Word:
        found = re.fullmatch(r"([^{}\\]*)\{([^{}\\]*)\}([^{}\\]*)", text)
        if not found:
            if "," in text or ".." in text:
                raise Leaves("it holds braces that are not judged")
            return Word((text,))
        before, inner, after = found.groups()
        if steps := re.fullmatch(r"(\d{1,4})\.\.(\d{1,4})", inner):
            low, high = sorted(map(int, steps.groups()))
            values = [str(value) for value in range(low, min(high, low + VALUES_MAX) + 1)]
        elif "," in inner:
            values = inner.split(",")
        elif ".." in inner:
            raise Leaves("it holds braces that are not judged")
        else:
            return Word((text,))
        if any(value.startswith("-") for value in values) and not before:
            raise Leaves("it builds options with braces")
        return Word(tuple(f"{before}{value}{after}" for value in values), is_glob=bool(set(text) & set("*?[")))

    def _string(self, node: tree_sitter.Node) -> Word:
        pieces: list[tuple[str, ...]] = []
        at = node.start_byte + 1
        end = node.end_byte - 1
        for child in node.children:
            if child.type in ("simple_expansion", "expansion", "command_substitution", "arithmetic_expansion"):
                # The tree counts blanks before a variable as part of it.
                blanks = len(self._text(child)) - len(self._text(child).lstrip())
                pieces.append((self._unescaped(at, child.start_byte + blanks),))
                self._is_quoted = True
                pieces.append(self._word(child).values)
                self._is_quoted = False
                at = child.end_byte
            elif child.type not in ('"', "string_content"):
                raise Leaves(f"it holds a {child.type.replace('_', ' ')} in quotes")
        pieces.append((self._unescaped(at, end),))
        return Word(_joined(pieces))

    def _unescaped(self, start: int, end: int) -> str:
        text = self._encoded[start:end].decode(errors="replace")
        if re.search(r"(?<!\\)(\\\\)*[$`]", re.sub(r"\$(?=[\s\"'.,;:/)|%^&*+=\]}~-]|\Z)", "", text)):
            raise Leaves("it expands something in quotes that is not judged")
        return re.sub(r'\\(["\\$`])', r"\1", text.replace("\\\n", ""))

    def _concatenation(self, node: tree_sitter.Node) -> Word:
        at = node.start_byte
        for child in node.children:
            if child.start_byte != at:
                raise Leaves("it cannot be parsed with certainty")
            at = child.end_byte
        if all(child.type in ("word", "number") or not child.is_named for child in node.children):
            return self._bare(self._text(node))
        words = [self._word(child) if child.is_named else self._bare(self._text(child)) for child in node.children]
        first = self._text(node)
        if "{" in re.sub(r"\$\{[^}]*\}|\{\}|'[^']*'|\"[^\"]*\"", "", first):
            raise Leaves("it holds braces that are not judged")
        return Word(
            _joined([word.values for word in words]),
            is_split=any(word.is_split for word in words),
            is_glob=any(word.is_glob for word in words),
        )

    def _expansion(self, node: tree_sitter.Node) -> tuple[str, ...]:
        text = self._text(node).lstrip()
        if not _EXPANSION.match(text):
            raise Leaves(f"it uses a variable in a form that is not judged ({text[:30]})")
        name = re.sub(r"[^\w?#$!@*].*", "", text.lstrip("${").removeprefix("#")) or text.lstrip("${").rstrip("}")
        if name not in self._variables:
            if name == "PWD" and re.fullmatch(r"\$PWD|\$\{PWD\}", text):
                return self._folders
            if name == "HOME":
                return ("~",)
            if name in _NUMBERS:
                return ("1",)
            if name in _KNOWN_VARIABLES:
                return (UNKNOWN,)
            # A variable of the environment may hold anything, and may not be set.
            if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) and name != "IFS":
                default = re.search(r":?[-+]([^}]*)\}\Z", text)
                return ("", UNKNOWN, default.group(1)) if default else ("", UNKNOWN)
            raise Leaves(f"it uses ${name[:30]}, whose value is not on the line")
        values = self._variables[name]
        if re.fullmatch(r"\$\{?\w+(\[(\d+|[@*])\])?\}?", text):
            return values
        # A value that is replaced by a default, or cut.
        if default := re.search(r":?[-+]([^}]*)\}\Z", text):
            return (*values, default.group(1))
        return tuple(dict.fromkeys((*(cut(value, text) for value in values), UNKNOWN)))

    def _substituted(self, node: tree_sitter.Node) -> str:
        first, fed, is_quoted = len(self._line.programs), len(self._fed), self._is_quoted
        self._is_quoted = False
        self._inside(node)
        programs = self._line.programs[first:]
        for argv in programs:
            if argv[0] in _BUILDING or argv[0] in ("echo", "printf") or (argv[0] in _EDITING and len(self._fed) > fed):
                raise Leaves(f"it computes a word with {argv[0]}")
            if pattern := grepped_secret(argv):
                raise Leaves(f"it chooses files with {pattern[:40]}, which may hold credentials")
            for word in argv[1:]:
                self._becomes_words(re.sub(r"[^\w./\x01-]+", " ", word))
        for text in self._fed[fed:]:
            # In quotes it is one word, such as the message of a commit.
            self._becomes_words(text if not is_quoted or "\n" not in text.strip() else "\n".join(re.findall(r"^\S+$", text, re.MULTILINE)))
        return said_by(programs, self._folders)

    def _become_words(self, programs: list[tuple[str, ...]]) -> None:
        """What these programs print becomes the words of others, by `xargs` or `read`."""
        for argv in programs:
            if pattern := grepped_secret(argv):
                raise Leaves(f"it chooses files with {pattern[:40]}, which may hold credentials")
            if argv[0] in ("echo", "printf"):
                self._becomes_words(printed_by(argv) or " ".join(argv[1:]).replace(UNKNOWN, ""))

    def _becomes_words(self, text: str) -> None:
        """Raises Leaves when a text of the line that becomes words of a program names credentials, control files or instructions."""
        for word in text.split()[:_FED_WORDS_MAX]:
            if (
                is_secret(word.strip("\"'"))
                or is_instruction(word.strip("\"'"))
                or self._line.places.problem(word.strip("\"'"), self._folders)
            ):
                raise Leaves(f"it makes a word of {word[:60]!r}".replace(UNKNOWN, "…"))

    def _inside(self, node: tree_sitter.Node) -> None:
        kept = self._folders, self._if_ok, self._reads_pipe
        for child in node.children:
            if child.is_named:
                self.visit(child)
            elif child.type not in ("$(", "<(", ")", "`", ";", "\n"):
                raise Leaves("it runs a program inside a word in a form that is not judged")
        self._folders, self._if_ok, self._reads_pipe = kept

    def _arithmetic(self, node: tree_sitter.Node) -> str:
        text = self._text(node)
        if re.search(r"\$\(|[<>]\(|`", text[3:]) or not re.fullmatch(r"\$\(\([\w\s+*/%<>=()&|?:!$-]*\)\)", text):
            raise Leaves("it evaluates its words as arithmetic")
        for name in re.findall(r"[A-Za-z_]\w*", text):
            if not all(re.fullmatch(r"\d+", value) for value in self._variables.get(name, ("?",))) and name not in _NUMBERS:
                raise Leaves("it evaluates its words as arithmetic")
        return "0"

    def _assign(self, node: tree_sitter.Node) -> None:
        if node.type == "variable_assignments":
            for child in node.children:
                self._assign(child)
            return
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or name.type != "variable_name":
            raise Leaves("it sets a variable in a form that is not judged")
        values = self._word(value).values if value is not None and value.type != "array" else ("",)
        if value is not None and value.type == "array":
            values = tuple(each for child in value.children if child.is_named for each in self._argument(child)) or ("",)
        if "+=" in self._text(node)[: len(self._text(name)) + 2]:
            values = (UNKNOWN,)
        self._set(self._text(name), values)

    def _set(self, name: str, values: tuple[str, ...]) -> None:
        # Whether it is split is decided where the variable is used.
        values = tuple(UNKNOWN if value == MANY else value for value in values)
        for value in values or ("",):
            if problem := shell_variables.problem_of(name, None if UNKNOWN in value else value):
                raise Leaves(problem)
            # What is done with it decides about control files.
            if problem := self._line.places.problem(value, self._folders, reads="names"):
                raise Leaves(problem)
        known = self._variables.get(name, ())
        # What is set in a branch or a loop may not be set later.
        self._variables[name] = tuple(dict.fromkeys((*known, *values)))[:VALUES_MAX] or ("",)

    def _unset(self, node: tree_sitter.Node) -> None:
        for child in node.children[1:]:
            if child.type != "variable_name":
                raise Leaves("it unsets a variable in a form that is not judged")
            self._set(self._text(child), ("",))

    def _declaration(self, node: tree_sitter.Node) -> None:
        for at, child in enumerate(node.children):
            if at == 0:
                if self._text(child) not in ("export", "readonly", "local"):
                    raise Leaves("it declares a variable in a form that is not judged")
            elif child.type == "variable_assignment":
                self._assign(child)
            elif child.type != "variable_name":
                raise Leaves("it declares a variable in a form that is not judged")

    def _prefix(self, node: tree_sitter.Node, program: str) -> None:
        """A variable that is set for one program."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or name.type != "variable_name":
            raise Leaves("it sets a variable in a form that is not judged")
        for text in self._word(value).values if value is not None else ("",):
            # `IFS=, read -r a b`: it splits the line that is read, and nothing else.
            if program == "read" and self._text(name) == "IFS" and UNKNOWN not in text:
                continue
            if problem := shell_variables.problem_of(self._text(name), None if UNKNOWN in text else text):
                raise Leaves(problem)
            if problem := self._line.places.problem(text, self._folders):
                raise Leaves(problem)


def _joined(pieces: list[tuple[str, ...]]) -> tuple[str, ...]:
    count = 1
    for piece in pieces:
        count *= max(1, len(piece))
    if count > VALUES_MAX:
        return ("".join(piece[0] if len(piece) == 1 else UNKNOWN for piece in pieces),)
    return tuple(dict.fromkeys("".join(each) for each in itertools.product(*pieces)))
