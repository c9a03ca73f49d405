"""What a model reads of a call's result: sized to its context, with totals and the way to the rest.

**Invariant:** a function of the stored call and of what its step stored, so that every agent sends the same bytes.
"""

import bisect
import re

from opta_core.result_lines import KEPT_CHARS_MIN, line_ends
from opta_core.transcript import Call
from opta_protocol.tools.file_access import OUTPUT_SCHEME, READ_FILE
from opta_protocol.tools.shell import COMMAND_OUTPUT, RUN_COMMAND

# Of the context, for one result, and for all results of one step. Characters of a token are counted on the safe side.
RESULT_SHARE, RESULTS_SHARE, RESULT_CHARS_A_TOKEN = 1 / 6, 1 / 3, 3.0
INTERRUPTED = "Error: no result; the call was interrupted"
# The outcome of a command stands at its end, so most of what is shown comes from there.
_HEAD_SHARE = {RUN_COMMAND.name: 1 / 3, COMMAND_OUTPUT.name: 1 / 3}
# Results that the agent wrote itself: the worker does not have them.
_AGENT_CODES = frozenset({"bad_call", "bad_arguments", "denied", "repeated", "not_run", "outcome_unknown", "worker_lost", "hook_refused"})
_NUMBERED = re.compile(r"(\d+)\t")
_TOTAL = re.compile(r"\[lines? [^\n]*?of ((?:more than )?\d+)[^\n]*\]\Z")
# Where the worker has left out the middle of a long output.
_LEFT_OUT = re.compile(r"\n… \d+ bytes left out …\n")


def shown_result(call: Call, count: int, limit: int) -> str:
    """What a model reads of a call: its result, and behind it what hooks of the user said. `limit`: tokens that it can read, 0 when unknown."""
    return "\n\n".join([_shown(call, count, limit), *(run.text for run in call.hooks if run.text)])


def _shown(call: Call, count: int, limit: int) -> str:
    """At most a sixth of the context, and a third for the `count` calls of a step together; all of it when the context is not known."""
    content = call.content or INTERRUPTED
    chars = max(KEPT_CHARS_MIN, int(limit * RESULT_CHARS_A_TOKEN * min(RESULT_SHARE, RESULTS_SHARE / max(1, count))))
    if not limit or len(content) <= chars:
        return content
    return _cut_file(call, content, chars) if call.name == READ_FILE.name else _cut(call, content, chars)


def _cut(call: Call, content: str, chars: int) -> str:
    """The beginning of a result, and of a command's result its end too."""
    left_out = _LEFT_OUT.search(content)
    ends = line_ends(content)
    head_chars = int(chars * _HEAD_SHARE.get(call.name, 1))
    at = bisect.bisect_right(ends, min(head_chars, left_out.start() if left_out else head_chars))
    head = content[: ends[at - 1]].removesuffix("\n") if at else content[:head_chars]
    total = max(len(ends), call.lines if left_out else 0)
    what, tail = f"{at} of {total} lines, {len(head)} of {len(content)} characters", ""
    if head_chars < chars:
        start = len(content) - (chars - head_chars)
        begin = bisect.bisect_left(ends, start)
        tail = content[ends[begin] :] if begin + 1 < len(ends) else content[start:]
        what = f"lines {at + 1}-{max(at + 1, total - max(1, len(ends) - begin - 1))} of {total} are left out"
    rest = (
        "Ask for less."
        if call.code in _AGENT_CODES
        else f"Read on with {READ_FILE.name} path={OUTPUT_SCHEME}{call.id} start_line={at + 1}."
    )
    return "\n".join(part for part in (head, f"[Cut here, to fit your context: {what}. {rest}]", tail) if part)


def _cut_file(call: Call, content: str, chars: int) -> str:
    """The first numbered lines of what read_file answered; a line that is longer than fits is cut."""
    head = content[:chars]
    at_end = head.rfind("\n")
    path = str(call.args.get("path", ""))
    # The lines of a result are short.
    is_inside = at_end < (1 if path.startswith(OUTPUT_SCHEME) else chars // 2)
    head = head if is_inside else head[:at_end]
    path = path if path.isprintable() and len(path) <= 200 else "…"
    shown, lines = head.count("\n") + 1, content.count("\n") + 1
    what = f"{shown} of {lines} lines, {len(head)} of {len(content)} characters"
    found = _TOTAL.search(content)
    if found is not None:
        what += f"; the whole has {found[1]} lines"
    numbered = _NUMBERED.match(head.rpartition("\n")[2])
    # Results that were stored without numbers begin at the line that was asked for.
    asked = call.args.get("start_line")
    number = int(numbered[1]) if numbered else (asked if isinstance(asked, int) else 1) + shown - 1
    rest = [] if is_inside and shown == lines else [f"Read on with {READ_FILE.name} path={path} start_line={number + 1}."]
    if is_inside:
        rest.append(f"Line {number} is too long to be shown whole; search in it with grep, or cut a part out of it with a command.")
    return f"{head}\n[Cut here, to fit your context: {what}. {' '.join(rest)}]"
