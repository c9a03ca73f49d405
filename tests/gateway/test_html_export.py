"""A session as one HTML file: everything of it is there, nothing but its player runs, nothing is fetched, and no secret is in it."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.events import journal
from support.gateway import LocalGateway

from opta_core.fold import fold
from opta_core.transcript import Transcript
from opta_core.triage.evidence_bundle import MASK, Redactor
from opta_gateway.export_html import Mask, as_html
from opta_gateway.export_timing import ExportTiming, timing_of
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.http import Session
from opta_protocol.permissions import Level, Mode, Risk

FOLDER = Path(__file__).parent.parent / "fixtures/transcripts"
HERE = {"sid": "abcdef", "turn": "t1"}
SESSION = Session(
    id="abcdef", title="One", cwd="/w", mode=Mode.do, model="", level=Level.L2, state="idle", turns=1, createdAt="2026-11-30T00:00:00Z",
    lastActivityAt="2026-11-30T00:00:00Z", lastSeq=9, pinned=False, archived=False, pending=0,
)  # fmt: skip
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> ![p](https://evil.example/p.png) [a](javascript:alert(1)) "
    "[b](data:text/html,x) <a href='javascript:x'>c</a> </pre></body> &lt;b&gt; [good](https://example.org/?a=1&b=2)"
)
SHOWN = {"a", "body", "head", "html", "meta", "style", "title", "h1", "h2", "h3", "p", "div", "span", "details", "summary", "pre", "code", "em", "strong", "s", "ul", "ol", "li", "blockquote", "table", "thead", "tbody", "tr", "th", "td", "hr", "br"}  # fmt: skip
# The player, and its two scripts: the times and the code.
PLAYER = {"script", "button", "input", "label", "select", "option", "strong"}


class Reader(HTMLParser):
    """The elements, attributes and visible text of a document."""

    def __init__(self, document: str):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def lines_of(words: str) -> list[bytes]:
    return journal(
        e.SessionStart(sid="abcdef", title=words, cwd="/w", mode=Mode.do, level=Level.L2),
        e.TurnStart(**HERE, role="user", text=words, mode=Mode.do, level=Level.L2),
        e.StepStart(**HERE, step=1, provider="lmx", model="probe", attempt=1),
        e.TurnThinking(**HERE, delta=words),
        e.TurnToken(**HERE, delta=words),
        e.ToolCall(**HERE, callId="c1", name="run_command", args={"command": words}, risk=Risk.execute, step=1),
        e.ToolResult(**HERE, callId="c1", ok=True, content=words),
        e.TurnError(**HERE, code="provider_failed", message=words, domain="inference"),
    )


def transcript(words: str) -> Transcript:
    return fold(map(wire.decode, lines_of(words)))


def played(words: str, mask: Mask = lambda text: text) -> str:
    """The export of a session with its player."""
    return as_html(transcript(words), SESSION, mask, timing_of(lines_of(words)))


def scripts_of(document: str) -> list[str]:
    return re.findall(r"<script[^>]*>(.*?)</script>", document, re.DOTALL)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.jsonl")), ids=lambda file: file.stem)
def test_every_prompt_and_answer_of_a_session_is_in_its_export(file: Path) -> None:
    folded = fold(map(wire.decode, file.read_bytes().splitlines()))
    found = Reader(as_html(folded, SESSION, lambda text: text))
    assert found.tags <= SHOWN
    for turn in folded.turns:
        assert (turn.command or turn.text) in found.text
        for step in turn.steps:
            assert set(re.findall(r"\w{4,}", step.text)) <= set(re.findall(r"\w{4,}", found.text))
            assert all(call.name in found.text and call.content in found.text for call in step.calls)


def test_nothing_in_it_runs_or_is_fetched() -> None:
    document = as_html(transcript(HOSTILE), SESSION, lambda text: text)
    found = Reader(document)
    assert found.tags <= SHOWN
    assert {name for name, _ in found.attributes} <= {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "href",
        "rel",
        "style",
        "start",
        "hidden",
        "data-from",
        "data-until",
    }
    assert {value for name, value in found.attributes if name == "href"} == {
        "https://example.org/?a=1&b=2",
        # A picture is a link: whoever reads decides whether it is fetched.
        "https://evil.example/p.png",
    }
    assert "default-src 'none'" in document
    # Nobody can end what is quoted.
    assert document.count("</body>") == 1


def test_secrets_and_the_home_folder_are_masked_wherever_they_are() -> None:
    secrets = ["hunter2-hunter2", "sk-abcdefgh12345678"]
    words = f"I use {secrets[0]} and {secrets[1]} in /home/ada/code"
    document = as_html(transcript(words), SESSION, Redactor([secrets[0]], "/home/ada").text)
    assert not [secret for secret in [*secrets, "/home/ada"] if secret in document]
    # In the prompt, the thinking, the answer, the arguments, the result and the error.
    assert document.count(MASK) >= 6 * 2


def test_only_the_player_runs_and_the_policy_names_it_by_its_hash() -> None:
    document = played(HOSTILE)
    found = Reader(document)
    assert found.tags <= SHOWN | PLAYER
    assert not [name for name, _ in found.attributes if name.startswith("on") or name == "src"]
    times, player = scripts_of(document)
    digest = base64.b64encode(hashlib.sha256(player.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\">" in document
    assert document.count("<script") == 2 and document.count("</body>") == 1
    # The player gets numbers, and no word of the session.
    assert re.fullmatch(r'\{"start":\d+,"pauses":\[[\d,]+\],"turns":\[[\d,]+\]\}', times)


def test_the_player_has_no_secret_that_the_document_has_not() -> None:
    secret = "hunter2-hunter2"
    document = played(f"It is {secret} here", Redactor([secret], "/home/ada").text)
    assert secret not in document
    assert document.count(MASK) >= 6


def test_a_session_without_turns_has_no_player() -> None:
    document = as_html(Transcript(sid="abcdef"), SESSION, lambda text: text, ExportTiming())
    assert Reader(document).tags <= SHOWN


def test_parts_of_a_session_say_from_which_event_on_they_are_there_and_how_they_grew() -> None:
    of = HERE
    lines = journal(
        e.SessionStart(sid="abcdef", title="", cwd="/w", mode=Mode.do, level=Level.L2),
        e.TurnStart(**of, role="user", text="go", mode=Mode.do, level=Level.L2),
        e.StepStart(**of, step=1, provider="lmx", model="probe", attempt=1),
        e.TurnToken(**of, delta="A lost begin"),
        e.StepStart(**of, step=1, provider="lmx", model="probe", attempt=2, keptChars=2),
        e.TurnToken(**of, delta="whole answer"),
        e.ToolCall(**of, callId="c1", name="run_command", args={}, risk=Risk.execute, step=1),
        e.ToolStart(**of, callId="c1", worker="w", sandbox="full"),
        e.ToolResult(**of, callId="c1", ok=True, content="output"),
        e.TurnDone(**of, tokens=1, elapsed=1, tokensPerSec=1, tools=1, steps=1, finish="stop"),
    )
    document = as_html(fold(map(wire.decode, lines)), SESSION, lambda text: text, timing_of(lines))
    assert '<div class="prompt" data-from="2">go</div>' in document
    # What follows within a frame counts as one piece: the answer is whole with it.
    assert '<div data-from="4" data-grow="4 14"><p>A whole answer</p>' in document
    assert '<span hidden data-from="7" data-until="8">requested</span><span hidden data-from="8" data-until="9">running</span>' in document
    assert '<pre data-from="9">output</pre>' in document
    assert '<p class="dim" data-from="10">' in document


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path) as running:
        yield running


def test_a_browser_keeps_the_export_and_does_not_show_it_under_the_daemons_address(gateway: LocalGateway) -> None:
    sid = gateway.session(title="About & <more>")
    answer = gateway.get(f"/v3/sessions/{sid}/export?format=html")
    assert answer.status == 200
    assert ("content-disposition", "attachment") in answer.headers
    assert b"About &amp; &lt;more&gt;" in answer.body
    assert b"no turns" in answer.body
