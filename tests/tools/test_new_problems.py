"""What is new in an edited file, and how the output of checkers is read."""

import json
import time

import pytest
from support.limits import limit_s

from opta_tools.diagnostics import checker_output
from opta_tools.diagnostics.checker_output import FoundProblem, Reader, UnreadableOutput
from opta_tools.diagnostics.new_problems import new_problems

OLD = "import os\n\n\ndef f():\n    return x\n\n\ndef g():\n    return x\n"


def at(line: int, message: str = "undefined name x", code: str = "F821") -> FoundProblem:
    return FoundProblem("ruff", line, 5, code, message)


@pytest.mark.parametrize(
    ("before", "after", "new_text", "new"),
    [
        pytest.param([at(5)], [at(5)], OLD, [], id="the same"),
        pytest.param([at(5), at(9)], [at(8), at(12)], f"# a\n# b\n# c\n{OLD}", [], id="shifted lines"),
        pytest.param([], [at(5)], OLD.replace("import os\n", "import os\nimport sys\n"), [5], id="a new one"),
        pytest.param([at(5)], [at(5), at(9)], OLD, [9], id="a second one of a kind"),
        pytest.param([at(5)], [at(5), at(5)], OLD, [5], id="two on the line of one"),
        pytest.param([at(9)], [at(5)], OLD.replace("g", "h"), [5], id="one of a kind is gone and another is new"),
        pytest.param([at(5)], [at(5)], OLD.replace("    return x\n\n\ndef g", "    return x + 1\n\n\ndef g"), [], id="its line was changed"),
        pytest.param([at(1, "`os` unused", "F401")], [at(1, "`sys` unused", "F401")], OLD.replace("os", "sys"), [1], id="its message is another"),
        pytest.param([at(5, "Line too long (93 > 88)")], [at(5, "Line too long (99 > 88)")], OLD.replace("return x", "return xyz", 1), [], id="numbers"),
        pytest.param([at(9)], [at(1)], "    return x\n" + OLD.replace("\n    return x\n", "\n    pass\n"), [], id="a moved line"),
        pytest.param([at(5), at(9)], [at(3)], "import os\nif 1:\n    return x\n", [], id="all was replaced, its line is there"),
        pytest.param([at(0)], [at(0), at(99)], OLD, [99], id="lines that do not exist"),
        pytest.param([], [], "", [], id="nothing"),
    ],
)  # fmt: skip
def test_only_new_problems_are_new_wherever_their_lines_are(before: list[FoundProblem], after: list[FoundProblem], new_text: str, new: list[int]) -> None:  # fmt: skip
    assert [each.line for each in new_problems(before, after, OLD, new_text)] == new


def test_a_large_replaced_part_is_not_compared_line_by_line() -> None:
    old = "\n".join(f"old {number}" for number in range(30_000))
    new = "\n".join(f"new {number}" for number in range(30_000))
    assert new_problems([at(7)], [at(9000)], old, new) == []
    assert new_problems([], [at(9000)], old, new) == [at(9000)]


@pytest.mark.parametrize("line", ["", "x", "{number}"])
def test_many_problems_and_many_lines_take_a_short_time(line: str) -> None:
    old, new = ("\n".join(line.replace("{number}", f"{kind}{number // 2}") for number in range(3000)) for kind in "ab")
    problems = [at(number + 1, code=f"F{number % 7}") for number in range(3000)]
    started = time.monotonic()
    assert new_problems(problems, problems, f"first\n{old}\nlast", f"begin\n{new}\nend") == []
    assert time.monotonic() - started < limit_s(5)


@pytest.mark.parametrize(
    "text", ["a.py:" * 100_000, "(" * 500_000, "a.py(1" * 80_000, "a.py:1:" + " " * 400_000, "vet: " * 100_000, "1" * 500_000]
)
@pytest.mark.parametrize("reads", [checker_output.tsc, checker_output.gnu])
def test_no_output_takes_long_to_be_read(reads: Reader, text: str) -> None:
    started = time.monotonic()
    reads(text, "it", lambda path: True)
    assert time.monotonic() - started < limit_s(5)


RUFF = [
    {"code": "F821", "message": "Undefined name `x`", "filename": "/w/a.py", "location": {"row": 5, "column": 12}, "fix": None},
    {"code": None, "message": "SyntaxError: Expected an expression", "filename": "/w/a.py", "location": {"row": 1, "column": 1}},
    {"code": "F401", "message": "other", "filename": "/w/b.py", "location": {"row": 1, "column": 1}},
]
PYRIGHT = {
    "version": "1.1",
    "generalDiagnostics": [
        {"file": "/w/a.py", "severity": "error", "message": "not known", "range": {"start": {"line": 4, "character": 11}, "end": {}}, "rule": "reportX"},
        {"file": "/w/a.py", "severity": "information", "message": "hint"},
        {"file": "/w/b.py", "severity": "error", "message": "other"},
    ],
    "summary": {"errorCount": 1},
}  # fmt: skip
ESLINT = [
    {"filePath": "/w/a.py", "messages": [{"ruleId": "no-undef", "severity": 2, "message": "'x' is not defined.", "line": 5, "column": 12}]},
    {
        "filePath": "/w/a.py",
        "messages": [{"ruleId": None, "fatal": True, "severity": 2, "message": "Parsing error", "line": 1, "column": 2}],
    },
    {"filePath": "/w/a.py", "messages": [{"ruleId": None, "severity": 1, "message": "File ignored"}]},
]
CARGO = "\n".join(
    [
        "warning: something for people",
        json.dumps({"reason": "compiler-artifact", "package_id": "x"}),
        json.dumps({"reason": "compiler-message", "message": {"message": "cannot find value `x`", "level": "error", "code": {"code": "E0425", "explanation": None}, "spans": [
            {"file_name": "src/lib.rs", "line_start": 1, "column_start": 1, "is_primary": False}, {"file_name": "/w/a.py", "line_start": 5, "column_start": 12, "is_primary": True}]}}),
        json.dumps({"reason": "compiler-message", "message": {"message": "aborting", "level": "error", "code": None, "spans": []}}),
        json.dumps({"reason": "build-finished", "success": False}),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("reads", "output", "found"),
    [
        (checker_output.ruff, json.dumps(RUFF), ["5:12 F821 Undefined name `x`", "1:1  SyntaxError: Expected an expression"]),
        (checker_output.ruff, f"warning: a deprecated option\n{json.dumps(RUFF[:1], indent=1)}\n", ["5:12 F821 Undefined name `x`"]),
        (checker_output.ruff, "[]", []),
        (checker_output.pyright, json.dumps(PYRIGHT, indent=4), ["5:12 reportX not known"]),
        (checker_output.eslint, f"{json.dumps(ESLINT)}\n", ["5:12 no-undef 'x' is not defined.", "1:2  Parsing error"]),
        (checker_output.cargo, CARGO, ["5:12 E0425 cannot find value `x`"]),
        (
            checker_output.tsc,
            "a.py(5,12): error TS2304: Cannot find name 'x'.\nb.py(1,1): error TS1: no\n",
            ["5:12 TS2304 Cannot find name 'x'."],
        ),
        (checker_output.tsc, "", []),
        (checker_output.gnu, "# pkg\nvet: ./a.py:5:12: undefined: x\na.py:7: note\nb.py:1:1: no\n", ["5:12  undefined: x", "7:1  note"]),
        (checker_output.gnu, "/w/a.py:5: error: bad type  [arg-type]\nSuccess: none\n", ["5:1  error: bad type  [arg-type]"]),
        (checker_output.gnu, f"a.py:{'9' * 5000}:1: no\n", []),
    ],
)
def test_the_problems_of_the_edited_file_are_read(reads: Reader, output: str, found: list[str]) -> None:
    problems = reads(output, "it", lambda path: path.endswith("a.py"))
    assert [f"{each.line}:{each.column} {each.code} {each.message}" for each in problems] == found


@pytest.mark.parametrize(
    ("reads", "output", "said"),
    [
        (checker_output.ruff, "ruff failed\n  Error: Failed to parse pyproject.toml\n", "Error: Failed to parse pyproject.toml"),
        (checker_output.ruff, "", "it printed nothing"),
        (checker_output.ruff, "[" * 100_000, "it printed nothing"),
        (checker_output.ruff, '[{"message": 3}]', "it printed nothing"),
        (checker_output.pyright, "node: not found", "node: not found"),
        (checker_output.eslint, "Oops! Something went wrong!\n\nError: Cannot find module 'x'", "Error: Cannot find module 'x'"),
        (checker_output.cargo, "error: failed to download `serde`", "error: failed to download `serde`"),
        (checker_output.tsc, "error TS5023: Unknown compiler option 'x'.\n", "error TS5023: Unknown compiler option 'x'."),
    ],
)
def test_an_output_that_is_none_says_why(reads: Reader, output: str, said: str) -> None:
    with pytest.raises(UnreadableOutput) as problem:
        reads(output, "it", lambda path: True)
    assert str(problem.value) == said
