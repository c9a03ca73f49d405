"""opta sessions tools: every tool call of a session, with its decision and its result."""

import argparse
import sys
from urllib.parse import quote

import msgspec

from opta_core.settings import LoadedSettings
from opta_protocol.tools.declared import tool_of

from ..connection import connect
from ..exit_codes import ExitCode
from ..pager import page
from ..plain_text import plain_json, plain_line

MARKS = {"ok": "✓", "failed": "✕", "denied": "✕", "running": "●", "asking": "◆"}
SUMMARY_CHARS_MAX = 100


def tools(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions tools ID"""
    calls = connect(loaded, args).get(f"/v3/sessions/{quote(args.id, safe='')}/tools")["tools"]
    if args.json:
        print(plain_json(msgspec.json.format(msgspec.json.encode({"tools": calls}), indent=2)).decode())
        return ExitCode.done
    rows: list[str] = []
    for call in calls:
        summary = " ".join(tool_of(call["name"]).summary(call.get("args", {})).split())[:SUMMARY_CHARS_MAX]
        state = call.get("state", "")
        rows.append(plain_line(f"{call['turn']:4} {MARKS.get(state, '○')} {state:8} {call['name']} {summary}"))
        decided = call.get("decidedBy", "")
        who = {"client": call.get("client") or "a person", "rule": call.get("rule", ""), "timeout": "nobody answered"}.get(decided, "")
        figures = f"{call.get('lines', 0)} lines · {call.get('durationMs', 0):g} ms"
        rows.append(plain_line(f"       decided by {who or '-'} · {figures}"))
    page("".join(f"{row}\n" for row in rows))
    if not calls:
        print("This session has called no tool.", file=sys.stderr)
    return ExitCode.done
