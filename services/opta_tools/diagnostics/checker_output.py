"""Reads the output of linters, type checkers and compilers: the problems of one file."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

# Whether a path, as a checker prints it, is the edited file.
IsTouched = Callable[[str], bool]


@dataclass(frozen=True)
class FoundProblem:
    """One problem of a file. Lines and columns count from 1; `code` is the checker's name of the rule, '' for none.

    `is_fatal`: the file could not be parsed, so that its other problems are not reported.
    """

    checker: str
    line: int
    column: int
    code: str
    message: str
    is_fatal: bool = False


class UnreadableOutput(Exception):
    """The output of a checker is not what it prints when it has checked something. The message is its first words."""


# (output, name of the checker, whether a path is the edited file) -> the problems. Raises UnreadableOutput.
Reader = Callable[[str, str, IsTouched], list[FoundProblem]]


class _Place(msgspec.Struct):
    row: int = 0
    column: int = 0


class _RuffProblem(msgspec.Struct):
    message: str
    filename: str
    code: str | None = None
    location: _Place | None = None


class _PyrightPosition(msgspec.Struct):
    line: int = 0
    character: int = 0


class _PyrightRange(msgspec.Struct):
    start: _PyrightPosition


class _PyrightProblem(msgspec.Struct):
    message: str
    severity: str = "error"
    file: str = ""
    rule: str = ""
    range: _PyrightRange | None = None


class _PyrightReport(msgspec.Struct, rename="camel"):
    general_diagnostics: list[_PyrightProblem]


class _EslintMessage(msgspec.Struct, rename="camel"):
    message: str
    fatal: bool = False
    rule_id: str | None = None
    severity: int = 2
    line: int = 1
    column: int = 1


class _EslintFile(msgspec.Struct, rename="camel"):
    file_path: str
    messages: list[_EslintMessage]


class _CargoSpan(msgspec.Struct):
    file_name: str
    line_start: int
    column_start: int
    is_primary: bool


class _CargoCode(msgspec.Struct):
    code: str = ""


class _CargoMessage(msgspec.Struct):
    message: str
    level: str
    spans: list[_CargoSpan]
    code: _CargoCode | None = None


class _CargoLine(msgspec.Struct):
    reason: str
    message: Any = None


def ruff(output: str, checker: str, is_touched: IsTouched) -> list[FoundProblem]:
    """`ruff check --output-format=json`."""
    return [
        FoundProblem(
            checker,
            each.location.row if each.location else 1,
            each.location.column if each.location else 1,
            each.code or "",
            each.message,
            each.code in (None, "invalid-syntax", "E999"),
        )
        for each in _json(output, list[_RuffProblem])
        if is_touched(each.filename)
    ]


def pyright(output: str, checker: str, is_touched: IsTouched) -> list[FoundProblem]:
    """`pyright --outputjson`. Its lines count from 0."""
    found: list[FoundProblem] = []
    for each in _json(output, _PyrightReport).general_diagnostics:
        if each.severity in ("error", "warning") and is_touched(each.file):
            start = each.range.start if each.range else _PyrightPosition()
            found.append(
                FoundProblem(
                    checker, start.line + 1, start.character + 1, each.rule, each.message, each.severity == "error" and not each.rule
                )
            )
    return found


def eslint(output: str, checker: str, is_touched: IsTouched) -> list[FoundProblem]:
    """`eslint --format json`."""
    return [
        FoundProblem(checker, each.line, each.column, each.rule_id or "", each.message, each.fatal)
        for file in _json(output, list[_EslintFile])
        if is_touched(file.file_path)
        for each in file.messages
        # That a file is ignored, or that a comment is not needed, has no rule and is a warning.
        if each.rule_id or each.severity > 1
    ]


def cargo(output: str, checker: str, is_touched: IsTouched) -> list[FoundProblem]:
    """`cargo check --message-format=json`: one JSON object a line."""
    found: list[FoundProblem] = []
    is_finished = False
    for line in output.split("\n"):
        if not line.startswith("{"):
            continue
        try:
            said = msgspec.json.decode(line, type=_CargoLine)
            is_finished = is_finished or said.reason == "build-finished"
            message = msgspec.convert(said.message, _CargoMessage) if said.reason == "compiler-message" else None
        except (msgspec.DecodeError, msgspec.ValidationError):
            continue
        if message is None or message.level not in ("error", "warning"):
            continue
        for span in message.spans:
            if span.is_primary and is_touched(span.file_name):
                code = message.code.code if message.code else ""
                found.append(
                    FoundProblem(checker, span.line_start, span.column_start, code, message.message, message.level == "error" and not code)
                )
                break
    if not is_finished:
        raise UnreadableOutput(_first_words(output))
    return found


# Of tsc, the numbers of syntax errors; of others, words.
_FATAL = re.compile(r"^TS1\d{3}$|syntax|parse error", re.IGNORECASE)
_TSC = re.compile(r"^(?P<path>.+?)\((?P<line>\d+),(?P<column>\d+)\): (?:error|warning) (?P<code>TS\d+): (?P<message>.*)$", re.MULTILINE)
_GNU = re.compile(r"^(?:vet: )?(?P<path>[^\s:][^:\n]*):(?P<line>\d+)(?::(?P<column>\d+))?:?[ \t]+(?P<message>\S.*)$", re.MULTILINE)


def tsc(output: str, checker: str, is_touched: IsTouched) -> list[FoundProblem]:
    """`tsc --pretty false`."""
    return _by_lines(_TSC, output, checker, is_touched, re.compile(r"^error TS\d+: .*$", re.MULTILINE))


def gnu(output: str, checker: str, is_touched: IsTouched) -> list[FoundProblem]:
    """`path:line:column: message`, as most programs print it."""
    return _by_lines(_GNU, output, checker, is_touched, None)


def _by_lines(pattern: re.Pattern[str], output: str, checker: str, is_touched: IsTouched, failure: re.Pattern[str] | None) -> list[FoundProblem]:  # fmt: skip
    matches = list(pattern.finditer(output))
    if failure is not None and not matches and (failed := failure.search(output)) is not None:
        raise UnreadableOutput(failed[0][:200])
    return [
        FoundProblem(
            checker,
            int(each["line"]),
            int(each["column"] or 1),
            code,
            each["message"].strip(),
            bool(_FATAL.search(code or each["message"])),
        )
        for each in matches
        for code in [each.groupdict().get("code") or ""]
        if len(each["line"]) < 9 and len(each["column"] or "") < 9 and is_touched(each["path"])
    ]


def _json(output: str, kind: type[T]) -> T:
    """The JSON of an output, before and after which a program may have printed warnings. Raises UnreadableOutput."""
    starts = [0, *(at + 1 for at in (output.find("\n["), output.find("\n{")) if at >= 0)]
    for start in sorted(starts):
        for end in (len(output), max(output.rfind("]"), output.rfind("}")) + 1):
            try:
                return msgspec.json.decode(output[start:end], type=kind)
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
                continue
    raise UnreadableOutput(_first_words(output))


def _first_words(output: str) -> str:
    """The line of an output that most likely says what is wrong."""
    lines = [line.strip() for line in output.split("\n") if line.strip() and not line.startswith(("{", "["))]
    return next((line for line in lines if "rror" in line), lines[0] if lines else "it printed nothing")[:200]
