"""A session in which every part of a screen occurs, for the snapshots of the full-screen terminal."""

from typing import TypedDict

from opta_protocol import events as e
from opta_protocol.control_events import QuestionAsked, TurnSteer
from opta_protocol.event_parts import Change, Execution
from opta_protocol.http_triage import Diagnosis, Fix, RouteFacts, TriageEvidence, TriageFinding, TriageStep
from opta_protocol.permissions import Level, Mode, Offer, Risk
from support.scripted_client import CWD, SESSION, SID

FAR = "2099-01-01T00:00:00Z"
ANSWER = """## Plan

I will **refactor** the `auth` middleware:

1. read it
2. change it

> The tests of the user come first.

```python
def check(token: str) -> bool:
    # compare in constant time
    return hmac.compare_digest(token, "x")
```

| file | lines |
|---|---:|
| auth.py | 142 |
"""
DIFF = "--- a/src/auth.py\n+++ b/src/auth.py\n@@ -1,2 +1,2 @@\n import hmac\n-return token == known\n+return hmac.compare_digest(token, known)\n"


class Of(TypedDict):
    """The session and the turn of an event."""

    sid: str
    turn: str


ONE, TWO = Of(sid=SID, turn="t1"), Of(sid=SID, turn="t2")
PAST: list[e.Event] = [
    e.SessionStart(sid=SID, title=SESSION["title"], cwd=CWD, mode=Mode.do, level=Level.L2, model="lmx/qwen3-coder"),
    e.TurnStart(**ONE, role="user", text="Refactor the auth middleware\nand run its tests", mode=Mode.do, level=Level.L2),
    e.StepStart(**ONE, step=1, provider="lmx", model="qwen3-coder", attempt=1, contextLimit=32_768),
    e.TurnThinking(**ONE, delta="The middleware compares tokens with ==. That leaks their length."),
    e.TurnToken(**ONE, delta=ANSWER),
    e.ToolCall(**ONE, callId="c1", name="read_file", args={"path": "src/auth.py"}, risk=Risk.read, step=1),
    e.PermissionDecision(**ONE, callId="c1", decision="allow", by="rule", rule="read_file"),
    e.ToolResult(**ONE, callId="c1", ok=True, content="import hmac\n", lines=142, durationMs=82),
    e.StepDone(**ONE, step=1, tokens=210, promptTokens=900, cachedTokens=0, finish="tool_calls", contextUsed=9_800, contextLimit=32_768),
    e.StepStart(**ONE, step=2, provider="lmx", model="qwen3-coder", attempt=1, contextLimit=32_768),
    e.ToolCall(**ONE, callId="c2", name="edit_file", args={"path": "src/auth.py", "old": "a", "new": "b"}, risk=Risk.write, step=2),
    e.PermissionDecision(**ONE, callId="c2", decision="allow", by="client", client="the page"),
    e.ToolResult(
        **ONE, callId="c2", ok=True, content="Changed src/auth.py", lines=1, durationMs=14, changes=[Change(path="src/auth.py", diff=DIFF)]
    ),
    e.ToolCall(**ONE, callId="c3", name="run_command", args={"command": "pytest -q"}, risk=Risk.execute, step=2),
    e.PermissionDecision(**ONE, callId="c3", decision="allow", by="client", client="the terminal"),
    e.ToolResult(**ONE, callId="c3", ok=False, content="exit 1: 1 failed, 12 passed\nE  assert 401 == 200", lines=2, durationMs=2_140),
    e.TurnToken(**ONE, delta="One test fails: it expects status 200."),
    e.TurnDone(
        **ONE,
        tokens=312,
        elapsed=19.6,
        tokensPerSec=94.2,
        tools=3,
        steps=2,
        finish="stop",
        thinkingTokens=48,
        contextUsed=12_000,
        contextLimit=32_768,
    ),
    e.TurnStart(**TWO, role="user", text="Fix the test", mode=Mode.do, level=Level.L2),
    e.StepStart(**TWO, step=1, provider="lmx", model="qwen3-coder", attempt=1, contextLimit=32_768),
    e.PlanUpdated(**TWO, items=[{"text": "find it", "state": "done"}, {"text": "fix it", "state": "doing"}]),
    e.ToolCall(**TWO, callId="c4", name="run_command", args={"command": "pytest -q -k login"}, risk=Risk.execute, step=1),
]
RUNNING: list[e.Event] = [
    e.PermissionDecision(**TWO, callId="c4", decision="allow", by="rule", rule="level L3"),
    e.ToolStart(**TWO, callId="c4", worker="w1", sandbox="full"),
    e.ToolOutput(**TWO, callId="c4", delta="collected 13 items\ntests/test_login.py ..F\n"),
    TurnSteer(**TWO, steerId="s1", text="keep the old name"),
]
REQUEST = e.PermissionRequest(
    **TWO,
    requestId="r1",
    callId="c4",
    name="run_command",
    args={"command": "pytest -q -k login"},
    reason="policy run_command = ask",
    rule="run_command",
    layer="defaults",
    expiresAt=FAR,
    offers=[
        Offer(id="session", label="Allow pytest in this session", words=["pytest *"], folder=CWD),
        Offer(id="always", label='Always allow "pytest -q -k login"', words=["pytest -q -k login"], folder=CWD),
    ],
    execution=Execution(folder=CWD, timeoutS=120, sandbox="full", network="off", programs=["/usr/bin/pytest"]),
)
QUESTION: list[e.Event] = [
    e.ToolCall(**TWO, callId="c5", name="ask_user", args={"question": "Which status?", "options": ["200", "401"]}, risk=Risk.read, step=1),
    QuestionAsked(
        **TWO, questionId="q1", callId="c5", text="Which status do you want?\nBoth are used.", options=["200", "401"], expiresAt=FAR
    ),
]
MODELS = {
    "models": [
        {
            "id": "lmx/glm-4.6",
            "provider": "lmx",
            "name": "glm-4.6",
            "healthy": True,
            "contextLimit": 131_072,
            "default": True,
            "state": "loaded",
        },
        {
            "id": "lmx/qwen3-coder",
            "provider": "lmx",
            "name": "qwen3-coder",
            "healthy": True,
            "contextLimit": 32_768,
            "default": False,
            "state": "",
        },
        {
            "id": "cloud/large",
            "provider": "cloud",
            "name": "large",
            "healthy": False,
            "contextLimit": 200_000,
            "default": False,
            "state": "",
        },
    ],
    "default": "lmx/glm-4.6",
    "aliases": {},
}
SESSIONS = {
    "sessions": [
        {**SESSION, "state": "running"},
        {**SESSION, "id": "b4c3d2", "title": "Add pagination", "state": "waiting", "pending": 1, "turns": 12},
        {**SESSION, "id": "c5d4e3", "title": "", "state": "failed", "turns": 1},
    ],
    "nextCursor": None,
}
CHANGES = {
    "files": [{"path": "src/auth.py", "did": "changed", "diff": DIFF, "isUndone": False, "isCut": False}],
    "missed": [],
    "beside": [],
}
DAEMON = {
    "sentence": "Services are stopped: tools.",
    "port": 9999,
    "services": [
        {
            "name": "gateway",
            "state": "running",
            "pid": 84721,
            "uptime": 8040,
            "restarts": 0,
            "ready": True,
            "memory": 64_000_000,
            "reason": "",
        },
        {
            "name": "agent",
            "state": "running",
            "pid": 84725,
            "uptime": 61,
            "restarts": 2,
            "ready": False,
            "memory": 80_000_000,
            "reason": "starting",
        },
        {"name": "tools", "state": "stopped", "pid": 0, "uptime": 0, "restarts": 0, "ready": False, "memory": 0, "reason": "stopped"},
    ],
}
_FIX = Fix(kind="restart_service", label="Restart the tool worker", command="opta daemon restart tools", target="tools", automatic=True)
DIAGNOSIS = Diagnosis(
    at="2026-01-02T03:04:05Z",
    healthy=False,
    steps=[
        TriageStep(number=1, name="route", ok=True, text="Turns go to lmx/qwen3-coder; level L2, the folder is not trusted."),
        TriageStep(number=2, name="heartbeat", ok=False, text="tools does not answer; all others do."),
        TriageStep(number=3, name="divergence", ok=True, skipped=True, text="There is no turn to look at."),
        TriageStep(number=4, name="probe", ok=False, text="A turn was sent; its tool call got no answer."),
        TriageStep(number=5, name="domain", ok=False, text="tool: the worker is down."),
    ],
    evidence=TriageEvidence(hops=[], route=RouteFacts(model="lmx/qwen3-coder")),
    findings=[TriageFinding(cause="tools_down", severity="fault", domain="tool", reason="The tool worker is down.", fix=_FIX, hop="tools")],
    domain="tool",
    severity="fault",
    reason="The tool worker is down.",
    fix=_FIX,
)
COMMANDS = {"commands": [{"name": "release", "description": "Write the notes of a release", "arguments": "VERSION"}], "problems": []}
LOG = """2026-01-02 03:04:05.123 INFO [gateway] listening port=9999
2026-01-02 03:04:06.001 WARNING [agent] provider slow provider=cloud
2026-01-02 03:04:07.420 ERROR [tools] worker ended code=1
Traceback: line of the error
"""
