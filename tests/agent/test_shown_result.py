"""A result that is longer than a model's context allows is cut at a line, with totals, and leads to its rest."""

import re

import pytest

from opta_agent.shown_result import shown_result
from opta_core.result_lines import LINE_CHARS_MAX, line_ends
from opta_core.transcript import Call

LIMIT = 8_192
CHARS = LIMIT * 3 // 6


def call(name: str, content: str, **more: object) -> Call:
    return Call(id="abc12345", name=name, args={"path": "src/a.py"} if name == "read_file" else {}, risk="read", content=content, **more)  # type: ignore[arg-type]


def next_line(shown: str) -> int:
    found = re.search(r"Read on with read_file path=output://abc12345 start_line=(\d+)\.\]", shown)
    assert found is not None, shown[-400:]
    return int(found[1])


def test_a_short_result_and_one_for_an_unknown_context_are_whole() -> None:
    assert shown_result(call("grep", "x" * CHARS), 1, LIMIT) == "x" * CHARS
    assert shown_result(call("grep", "x\n" * 100_000), 8, 0) == "x\n" * 100_000


@pytest.mark.parametrize("content", ["".join(f"a.py:{n}: match\n" for n in range(5000)), "{" + "x" * 90_000 + "}", "é" * 20_000 + "\nend"])
@pytest.mark.parametrize("name", ["grep", "mcp__a__b", "list_dir"])
def test_reading_on_from_the_named_line_gives_the_rest(name: str, content: str) -> None:
    shown = shown_result(call(name, content), 1, LIMIT)
    head = shown.partition("\n[Cut here")[0]
    assert len(shown) < CHARS + 200
    assert len(head) > CHARS - LINE_CHARS_MAX
    ends = [0, *line_ends(content)]
    rest = content[ends[next_line(shown) - 1] :]
    assert (head + rest, head + "\n" + rest)[content[len(head)] == "\n"] == content
    assert f"of {len(ends) - 1} lines" in shown


def test_the_end_of_a_command_is_shown_too() -> None:
    content = "Error: exit code 1\n" + "".join(f"step {n} of the build\n" for n in range(3000)) + "FAILED test_a"
    shown = shown_result(call("run_command", content), 1, LIMIT)
    head, _, tail = shown.partition("\n[Cut here")
    assert head.startswith("Error: exit code 1\nstep 0 ")
    assert tail.endswith("step 2999 of the build\nFAILED test_a")
    assert len(tail) > len(head)
    line = next_line(shown)
    assert content.split("\n")[line - 2] == head.split("\n")[-1]
    left_out = re.search(rf"lines {line}-(\d+) of 3002 are left out", shown)
    assert left_out is not None
    assert content.split("\n")[int(left_out[1])] == tail.split("]\n", 1)[1].split("\n")[0]


def test_what_the_worker_left_out_is_not_counted_as_lines() -> None:
    content = "日本\n" * 1000 + "\n… 999999 bytes left out …\n" + "end\n" * 2000 + "last"
    shown = shown_result(call("run_command", content, lines=90_000), 1, 65_536)
    assert shown == content
    shown = shown_result(call("run_command", content, lines=90_000), 1, 20_000)
    assert next_line(shown) <= 1001
    assert "of 90000 are left out" in shown


def test_a_file_is_read_on_at_its_next_line() -> None:
    content = "\n".join(f"{n}\tline" for n in range(301, 2000)) + "\n[lines 301-1999 of 5000; read on with start_line=2000]"
    shown = shown_result(call("read_file", content), 1, LIMIT)
    last = int(shown.split("\n")[-2].split("\t")[0])
    assert shown.endswith(f"; the whole has 5000 lines. Read on with read_file path=src/a.py start_line={last + 1}.]")
    shown = shown_result(call("read_file", "7\t" + "x" * 60_000), 1, LIMIT)
    assert "characters. Line 7 is too long to be shown whole" in shown
    assert len(shown) < CHARS + 300


@pytest.mark.parametrize("start", [None, "x", [1], 5])
def test_what_is_no_numbered_text_is_cut_too(start: object) -> None:
    failed = Call(id="c", name="read_file", args={"path": 7, "start_line": start}, risk="read", content="Error: odd\n" * 2000)
    assert f"start_line={373 if start != 5 else 377}.]" in shown_result(failed, 1, LIMIT)


def test_what_the_agent_said_itself_has_no_rest_to_read() -> None:
    assert "output://" not in shown_result(call("grep", "Error: bad\n" * 900, code="bad_call"), 1, LIMIT)
