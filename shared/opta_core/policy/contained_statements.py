"""Reads the statements of a line in the order in which they run: lists, pipes, loops, branches, programs and changes of the folder."""

import itertools
import os
import re
from collections.abc import Iterator

import tree_sitter

from .contained_paths import UNKNOWN
from .contained_program import check
from .contained_redirects import TAKES_WORDS, RedirectReader
from .contained_state import Leaves, ProgramCall
from .contained_words import REASONS, VALUES_MAX
from .path_names import relative_to

_TAKING_NAMES = frozenset({("git", "cat-file"), ("git", "hash-object"), ("git", "checkout-index"), ("git", "update-index"), ("cpio", "-o")})
_ENDS_WORD = re.compile(rb"(?:&&|\|\||[;(){}])\Z|\A\Z")
NODES_MAX = 1500
VISITS_MAX = 5_000
# A loop is read until its variables hold no new values, at most this often.
ROUNDS_MAX = 6
_OPAQUE = frozenset({"string", "heredoc_body", "raw_string", "expansion", "arithmetic_expansion", "ansi_c_string", "comment"})
_HOLDING = frozenset(
    "program pipeline list subshell compound_statement do_group if_statement elif_clause else_clause while_statement".split()
)
_TOKENS = frozenset("&& || ; | |& \n ( ) { } do done if then elif else fi while until for in case esac ;; !".split())


class StatementReader(RedirectReader):
    """Visits the syntax tree of a line."""

    def cover(self, root: tree_sitter.Node) -> None:
        """Check that the tree represents the whole text. Raises Leaves."""
        end = 0
        for node in self._leaves(root):
            gap = self._encoded[end : node.start_byte]
            between = gap.replace(b"\\\n", b"")
            # tree-sitter ends a word at an escaped line break; the shell goes on with it.
            if b"\\\n" in gap and not between and not _ENDS_WORD.search(self._encoded[max(0, end - 2) : end]):
                raise Leaves("it breaks a word over two lines")
            between = between.strip(b" \t\n")
            # tree-sitter-bash loses the `-` of `python3 - <<E`, which means the here document.
            if between and not (between == b"-" and node.type in ("<<", "<<-")):
                raise Leaves("it cannot be parsed with certainty")
            end = max(end, node.end_byte)
            if node.is_named and node.type not in _OPAQUE and re.search(r"`|\$\(|[<>]\(", self._text(node)):
                raise Leaves("it runs a program inside a word in a form that is not judged")
        if self._encoded[end:].replace(b"\\\n", b"").strip(b" \t\n"):
            raise Leaves("it cannot be parsed with certainty")

    def _leaves(self, node: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
        waiting = [node]
        while waiting:
            node = waiting.pop()
            self._nodes += 1
            if self._nodes > NODES_MAX:
                raise Leaves(f"it has more than {NODES_MAX} parts")
            if node.is_missing:
                raise Leaves("it is not complete")
            if not node.children or node.type in _OPAQUE:
                yield node
            else:
                waiting += reversed(node.children)

    def visit(self, node: tree_sitter.Node) -> None:
        """Judge a statement. Raises Leaves."""
        self._visits += 1
        if self._visits > VISITS_MAX:
            raise Leaves("its loops are nested too deep")
        kind = node.type
        if kind == "command":
            self._command(node)
        elif kind == "list":
            self._list(node)
        elif kind == "pipeline":
            self._pipeline(node)
        elif kind == "redirected_statement":
            self._redirected(node)
        elif kind in ("variable_assignment", "variable_assignments"):
            self._assign(node)
        elif kind == "declaration_command":
            self._declaration(node)
        elif kind == "unset_command":
            self._unset(node)
        elif kind == "subshell":
            kept = self._folders, dict(self._variables)
            self._children(node)
            self._folders = self._if_ok = kept[0]
            self._variables = kept[1]
        elif kind in ("while_statement", "for_statement", "c_style_for_statement"):
            self._loop(node)
        elif kind == "case_statement":
            self._case(node)
        elif kind == "test_command":
            self._test(node)
        elif kind == "negated_command":
            self._children(node)
        elif kind == "comment":
            pass
        elif kind in _HOLDING:
            self._children(node)
        else:
            raise Leaves(REASONS.get(kind, f"it holds a {kind.replace('_', ' ')}"))

    def _children(self, node: tree_sitter.Node) -> None:
        before = self._folders
        for child in node.children:
            if child.type in ("&", "&|"):
                raise Leaves("it runs a program in the background")
            if child.is_named:
                self.visit(child)
            elif child.type not in _TOKENS:
                raise Leaves(f"it holds {child.type[:20]!r}, which is not judged")
        if node.type in ("if_statement", "elif_clause", "else_clause", "case_item"):
            self._folders = tuple(dict.fromkeys((*before, *self._folders)))
            self._if_ok = self._folders

    def _list(self, node: tree_sitter.Node) -> None:
        if len(node.children) != 3 or node.children[1].type not in ("&&", "||"):
            raise Leaves("it holds a list that is not judged")
        left, operator, right = node.children
        self.visit(left)
        possible = self._folders
        if operator.type == "&&":
            self._folders = self._if_ok
        self.visit(right)
        self._folders = tuple(dict.fromkeys((*possible, *self._folders)))
        if operator.type == "||":
            self._if_ok = self._folders

    def _pipeline(self, node: tree_sitter.Node) -> None:
        # Each part of a pipe is a shell of its own.
        kept, reads_pipe = self._folders, self._reads_pipe
        for child in node.children:
            if child.is_named:
                first = len(self._line.programs)
                self.visit(child)
                if child != node.children[-1] and TAKES_WORDS.search(self._text(node)):
                    self._become_words(self._line.programs[first:])
                self._folders = self._if_ok = kept
                self._reads_pipe = True
            elif child.type not in ("|", "|&"):
                raise Leaves("it holds a pipe that is not judged")
        self._reads_pipe = reads_pipe

    def _loop(self, node: tree_sitter.Node) -> None:
        before = self._folders
        self._loops += 1
        for _ in range(ROUNDS_MAX):
            known = dict(self._variables)
            self._round(node)
            # What the end of a loop sets is there when it begins again.
            if self._variables == known:
                break
        else:
            raise Leaves("it computes in a loop what is not judged")
        self._loops -= 1
        if self._folders != before:
            raise Leaves("it changes its folder in a loop")

    def _round(self, node: tree_sitter.Node) -> None:
        if node.type == "while_statement":
            self._children(node)
            return
        body = node.child_by_field_name("body")
        if body is None:
            raise Leaves("it holds a loop that is not judged")
        if node.type == "for_statement":
            variable = node.child_by_field_name("variable")
            if variable is None or node.children[0].type != "for":
                raise Leaves("it holds a loop that is not judged")
            values = tuple(value for word in node.children_by_field_name("value") for value in self._argument(word))
            self._set(self._text(variable), values[:VALUES_MAX] if len(values) <= VALUES_MAX else (UNKNOWN,))
        else:
            text = self._text(node)
            found = re.match(r"for\s*\(\(\s*(\w+)\s*=\s*\d+\s*;\s*\1\s*[<>]=?\s*\d+\s*;\s*\1\s*(\+\+|--|\+=\s*\d+|-=\s*\d+)\s*\)\)", text)
            if not found:
                raise Leaves("it holds a loop that is not judged")
            self._set(found.group(1), ("0", "1"))
        self.visit(body)

    def _case(self, node: tree_sitter.Node) -> None:
        value = node.child_by_field_name("value")
        if value is not None:
            self._word(value)
        for item in node.children:
            if item.type == "case_item":
                patterns = item.children_by_field_name("value")
                for child in item.children:
                    if child.is_named and child not in patterns:
                        self.visit(child)
                    elif child in patterns and child.type not in (
                        "word",
                        "extglob_pattern",
                        "raw_string",
                        "string",
                        "number",
                        "concatenation",
                    ):
                        raise Leaves("it holds a pattern that is not judged")

    def _test(self, node: tree_sitter.Node) -> None:
        text = self._encoded[node.start_byte : node.end_byte].decode(errors="replace")
        # Arithmetic evaluates its words: a variable may hold `a[$(…)]`.
        if text.startswith("((") or re.search(r"\s-v\s", text) or (text.startswith("[[") and re.search(r"\s-(eq|ne|lt|le|gt|ge)\s", text)):
            raise Leaves("it evaluates its words as arithmetic")
        waiting = list(node.children)
        while waiting:
            child = waiting.pop()
            if child.type in (
                "command_substitution",
                "process_substitution",
                "simple_expansion",
                "expansion",
                "arithmetic_expansion",
                "string",
            ):
                self._word(child)
            else:
                waiting += child.children

    def _command(self, node: tree_sitter.Node, stdin: str | None = None) -> None:
        words: list[tuple[str, ...]] = []
        program = next((self._text(child) for child in node.children if child.type == "command_name"), "")
        for child in node.children:
            if child.type == "variable_assignment":
                self._prefix(child, program)
            elif child.type == "command_name":
                leaf = child.children[0] if child.children else child
                if leaf.type not in ("word", "raw_string", "string", "concatenation", "number"):
                    raise Leaves("the name of a program is computed")
                name = self._word(leaf)
                if len(name.values) != 1 or name.is_glob or name.is_split or UNKNOWN in name.values[0]:
                    raise Leaves("the name of a program is computed")
                words.append(name.values)
            elif child.type == "herestring_redirect":
                stdin = self._herestring(child)
            elif child.type == "file_redirect":
                self._write([self._redirect(child)], ())
            elif child.is_named:
                words.append(self._argument(child))
            else:
                raise Leaves(f"it holds {child.type[:20]!r}, which is not judged")
        if not words:
            return
        for argv in self._argvs(words):
            self._run(argv, stdin)

    def _argvs(self, words: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Every way in which the words may be called: the values of a loop one at a time, what a glob stands for all at once."""
        if all(len(word) == 1 for word in words):
            return [tuple(word[0] for word in words)]
        together = tuple(value for word in words for value in word)
        count = 1
        for word in words:
            count *= max(1, len(word))
        if count > VALUES_MAX:
            return [together]
        return [together, *itertools.product(*words)]

    def _run(self, argv: tuple[str, ...], stdin: str | None) -> None:
        name = argv[0]
        if name in ("cd", "pushd"):
            self._cd(argv)
            return
        if name == "popd" and len(argv) == 1:
            self._folders = self._if_ok = tuple(dict.fromkeys((*self._folders, *self._left)))
            return
        if name == "set":
            if not all(
                re.fullmatch(r"[-+][eux]+|[-+]o|[-+]euo|[-+]eo|[-+]uo|[-+]exo|[-+]euxo|pipefail|errexit|nounset|xtrace", word)
                for word in argv[1:]
            ):
                raise Leaves("set changes the line's own words")
            return
        if name in (".", "source"):
            if len(argv) != 2 or not re.fullmatch(r"[\w./-]*bin/activate", argv[1]):
                raise Leaves(f"{name} reads a script into the line")
            if problem := self._line.places.problem(argv[1], self._folders):
                raise Leaves(problem)
            check(ProgramCall(("sh", argv[1]), self._folders), self._line, self._read_shell)
            return
        if stdin is not None and (name in ("read", "xargs") or argv[:2] in _TAKING_NAMES):
            self._becomes_words(stdin)
        if name == "read":
            for word in argv[1:]:
                if not word.startswith("-"):
                    self._set(word, (UNKNOWN,))
        check(ProgramCall(argv, self._folders, stdin, self._reads_pipe), self._line, self._read_shell)
        self._if_ok = self._folders

    def _cd(self, argv: tuple[str, ...]) -> None:
        if argv[0] == "cd" and argv[1:] == ("-",) and self._left:
            self._folders = self._if_ok = tuple(dict.fromkeys((*self._folders, *self._left)))
            return
        words = [word for word in argv[1:] if word != "--"]
        if len(words) != 1 or words[0].startswith("-") or UNKNOWN in words[0]:
            raise Leaves("it changes to a folder that is not on the line")
        went: list[str] = []
        for folder in self._folders:
            target = os.path.normpath(os.path.join(folder, words[0]))
            if problem := self._line.places.folder_problem(target):
                raise Leaves(problem)
            if not os.path.isdir(target) and not any(
                argv[0] in ("mkdir", "cargo", "npm", "go") and any(_is_made(target, word, self._folders) for word in argv[1:])
                for argv in self._line.programs
            ):
                raise Leaves(f"there is no folder {words[0][:60]} in the workspace")
            went.append(target)
        self._left = tuple(dict.fromkeys((*self._left, *self._folders)))
        self._if_ok = tuple(dict.fromkeys(went))
        self._folders = tuple(dict.fromkeys((*self._folders, *went)))
        if len(self._folders) > VALUES_MAX or relative_to(self._line.places.workspace, self._folders[0]) is None:
            raise Leaves("it changes its folder too often")


def _is_made(target: str, word: str, folders: tuple[str, ...]) -> bool:
    return any(f"{os.path.normpath(os.path.join(folder, word))}/".startswith(f"{target}/") for folder in folders)
