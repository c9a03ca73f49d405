"""Reads redirections and here documents: which files a line writes, and which text it gives to its programs."""

import os
import re

import tree_sitter

from .contained_paths import DEVICES, UNKNOWN
from .contained_scripts import GIT_CHANGING
from .contained_state import Leaves
from .contained_words import WordReader
from .said_by_programs import printed_by

TAKES_WORDS = re.compile(r"\b(?:xargs|read)\b")


class RedirectReader(WordReader):
    """Judges redirected statements. `_command` runs one program with the text that it is given."""

    def _command(self, node: tree_sitter.Node, stdin: str | None = None) -> None:
        raise NotImplementedError

    def _redirected(self, node: tree_sitter.Node, stdin: str | None = None) -> None:
        body = node.child_by_field_name("body")
        # The grammar does not mark every redirection of a loop as one.
        redirects = [child for child in node.children if child.type.endswith("_redirect")]
        for redirect in redirects:
            if redirect.type == "heredoc_redirect":
                stdin = self._heredoc(redirect)
            elif redirect.type == "herestring_redirect":
                stdin = self._herestring(redirect)
        targets: list[tuple[str, bool]] = []
        # A `cd` before it decides where a redirection of a list leads, so all folders count.
        for redirect in redirects:
            found = [redirect] if redirect.type == "file_redirect" else redirect.children if redirect.type == "heredoc_redirect" else []
            targets += [self._redirect(each) for each in found if each.type == "file_redirect"]
        self._write(targets, ())
        first = len(self._line.programs)
        if body is not None:
            self._take(body, stdin, targets)
        self._write(targets, self._folders)
        printed = None
        if body is not None and body.type == "command" and len(targets) == 1 and len(self._line.programs) == first + 1:
            argv = self._line.programs[first]
            printed = stdin if argv == ("cat",) else printed_by(argv)
        for target, appends in targets:
            text = None if appends else printed
            for folder in self._folders:
                if target and target not in DEVICES:
                    self._line.note_written(os.path.normpath(os.path.join(folder, target)), text)
        for redirect in redirects:
            if redirect.type == "heredoc_redirect":
                self._after_heredoc(redirect, stdin or "")

    def _take(self, body: tree_sitter.Node, stdin: str | None, targets: list[tuple[str, bool]]) -> None:
        if body.type == "command":
            self._command(body, stdin)
        elif body.type in ("while_statement", "for_statement") and stdin is not None:
            self._becomes_words(stdin)
            self.visit(body)
        elif body.type in ("list", "pipeline") and stdin is not None:
            # The here document belongs to the last program.
            for child in body.children[:-1]:
                if child.is_named:
                    self.visit(child)
            self._take(body.children[-1], stdin, targets)
        else:
            self.visit(body)

    def _write(self, targets: list[tuple[str, bool]], folders: tuple[str, ...]) -> None:
        """Raises Leaves when a person is asked before these files are written. `folders`: after the statement; () before it."""
        for target, appends in targets:
            if not target:
                continue
            made = frozenset(self._line.made)
            if not appends and target not in DEVICES and (mover := next(filter(_moves, self._line.programs), None)):
                raise Leaves(f"it writes {target[:60]} after {' '.join(mover[:2])[:40]} may have put another file there")
            if problem := self._line.places.write_problem(target, folders or self._folders, appends=appends, made=made):
                raise Leaves(problem)

    def _redirect(self, node: tree_sitter.Node) -> tuple[str, bool]:
        """(the file that a redirection writes, '' for none; whether it appends)."""
        destinations = node.children_by_field_name("destination")
        operator = next((child.type for child in node.children if not child.is_named and child.type != "file_descriptor"), "")
        if len(destinations) != 1:
            raise Leaves("it redirects in a form that is not judged")
        target = destinations[0]
        text = self._text(target)
        if operator in (">&", "<&") and re.fullmatch(r"\d|-", text):
            return "", True
        values = self._argument(target)
        if (
            operator != "<"
            and len(values) != 1
            and not (self._loops and operator in (">", ">>") and target.type in ("string", "concatenation", "simple_expansion"))
        ):
            raise Leaves("it redirects to a file whose name it computes")
        if operator == "<":
            for value in values:
                if value.startswith("/dev/") and value not in ("/dev/null", "/dev/stdin"):
                    raise Leaves(f"it reads {value[:60]}")
                if problem := self._line.places.problem(value, self._folders):
                    raise Leaves(problem)
            return "", True
        if operator not in (">", ">>", ">|", "&>", "&>>", ">&"):
            raise Leaves(f"it redirects with {operator or 'an unknown operator'}")
        *others, last = values or ("",)
        for value in others:
            self._write([(value, operator in (">>", "&>>"))], ())
        return last, operator in (">>", "&>>")

    def _herestring(self, node: tree_sitter.Node) -> str:
        text = "".join(value for child in node.children if child.is_named for value in self._word(child).values[:1])
        self._fed.append(text)
        return text

    def _heredoc(self, node: tree_sitter.Node) -> str:
        body = next((child for child in node.children if child.type == "heredoc_body"), None)
        start = next((child for child in node.children if child.type == "heredoc_start"), None)
        if start is None:
            raise Leaves("it holds a here document that is not judged")
        is_quoted = bool(set(self._text(start)) & set("'\"\\"))
        if body is None:
            return ""
        text = self._text(body)
        self._fed.append(text)
        if is_quoted:
            return text
        # The shell expands it.
        at = body.start_byte
        pieces: list[str] = []
        for child in [*body.children, None]:
            between = self._encoded[at : child.start_byte if child is not None else body.end_byte].decode(errors="replace")
            if child is not None and child.type == "heredoc_content":
                between += self._text(child)
            if re.search(r"(?<!\\)(\\\\)*(`|\$[\w({?!@*#$-])", between):
                raise Leaves("it holds a here document that expands something in a form that is not judged")
            pieces.append(between)
            if child is None:
                break
            at = child.end_byte
            if child.type in ("command_substitution", "simple_expansion", "expansion", "arithmetic_expansion"):
                values = self._word(child).values
                blanks = len(self._text(child)) - len(self._text(child).lstrip())
                pieces.append(" " * blanks + (values[0] if len(values) == 1 else UNKNOWN))
            elif child.type not in ("heredoc_content", "heredoc_end"):
                raise Leaves("it holds a here document that is not judged")
        return "".join(pieces)

    def _after_heredoc(self, node: tree_sitter.Node, text: str) -> None:
        """What tree-sitter puts behind the beginning of a here document: the rest of its line."""
        for child in node.children:
            if child.type in (
                "heredoc_start",
                "heredoc_body",
                "heredoc_end",
                "file_redirect",
                "<<",
                "<<-",
                "|",
                "|&",
                "&&",
                "||",
                ";",
                "\n",
                "file_descriptor",
            ):
                continue
            if child.type == "pipeline" or child.type == "command" or child.type == "list" or child.type == "redirected_statement":
                if TAKES_WORDS.search(self._text(child)):
                    self._becomes_words(text)
                kept, self._reads_pipe = self._reads_pipe, True
                for each in child.children if child.type == "pipeline" else [child]:
                    if each.is_named:
                        self.visit(each)
                self._reads_pipe = kept
            else:
                raise Leaves("it holds a here document that is not judged")


def _moves(argv: tuple[str, ...]) -> bool:
    """Whether a program may put a file that existed under another name."""
    if argv[0] in ("cp", "gcp"):
        return any(re.match(r"-[a-zA-Z]*[ls]|--(link|symbolic)", word) for word in argv[1:])
    if argv[0] == "git":
        return bool(argv[1:2]) and argv[1] in GIT_CHANGING
    return argv[0] in ("mv", "gmv", "ln", "gln", "rename", "install", "tar", "unzip")
