"""A bad link between the daemon and LMX: slow, lossy, cut in the middle of an answer, and an LMX that is killed and replaced."""

import json
import threading
from typing import Any

import pytest
from support.compose import ENDINGS, Stack, follow, gaps, text_of
from support.limits import limit_s
from support.oracles import until

# The probe model refuses this in a sentence or two: at some hundred bytes a token, long enough to be cut in the middle.
LONG = "Write me a poem about the sea and the harbour"
# Two kilobytes a second.
SLOW = "tc qdisc replace dev $DEV root tbf rate 16kbit burst 2000 latency 4s"
LOSSY = "; ".join(f"iptables -A {chain} -p tcp -m statistic --mode random --probability 0.15 -j DROP" for chain in ("INPUT", "OUTPUT"))
CLEAN = "tc qdisc del dev $DEV root 2>/dev/null || true; iptables -F"


class Watched:
    """A turn that a thread follows while the test does something to the link."""

    def __init__(self, stack: Stack, text: str):
        self.client = stack.client
        self.sid = stack.session(self.client, mode="chat")
        self.turn = stack.submit(self.client, self.sid, text)
        self.events: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def has(self, name: str) -> bool:
        return any(event["event"] == name for event in self.events)

    def end(self, timeout_s: float) -> dict[str, Any]:
        self._thread.join(limit_s(timeout_s))
        assert self.events[-1]["event"] in ENDINGS, self.events[-3:]
        return self.events[-1]

    def _follow(self) -> None:
        for line in self.client.another().events(self.sid, 0):
            self.events.append(json.loads(line))
            if self.events[-1]["event"] in ENDINGS:
                return


@pytest.fixture(scope="module")
def whole_answer(stack: Stack) -> str:
    """The answer over a good link. The model always takes the most likely token, so it is the same each time."""
    client = stack.client
    text = text_of(stack.turn(client, stack.session(client, mode="chat"), LONG))
    assert len(text) > 20
    return text


def test_a_slow_and_lossy_link_delays_answers_and_changes_none(stack: Stack, whole_answer: str) -> None:
    stack.on_link("lmx", f"{SLOW.replace('16kbit', '64kbit')}; {LOSSY}")
    try:
        client = stack.client
        sid = stack.session(client, mode="chat")
        for _ in range(2):
            turn = stack.submit(client, sid, LONG)
            events = [event for event in follow(client, sid, turn) if event.get("turn") == turn]
            assert (events[-1]["event"], text_of(events)) == ("turn.done", whole_answer), events[-1]
        assert not gaps(stack.journal(sid))
    finally:
        stack.on_link("lmx", CLEAN)


def test_a_link_that_is_cut_in_the_middle_of_an_answer_and_restored_loses_no_word(stack: Stack, whole_answer: str) -> None:
    stack.on_link("lmx", SLOW)
    watched = Watched(stack, LONG)
    assert until(lambda: watched.has("turn.token"), 30)
    address = stack.cut("lmx")
    try:
        # The page and the terminal say so after five seconds of silence.
        assert until(lambda: watched.has("step.waiting"), 20), watched.events[-3:]
        assert not any(watched.has(ending) for ending in ENDINGS)
    finally:
        stack.restore("lmx", address)
    assert watched.end(60)["event"] == "turn.done"
    assert text_of(watched.events) == whole_answer
    assert not gaps(stack.journal(watched.sid))


def test_an_lmx_that_is_killed_in_an_answer_and_replaced_is_asked_again(stack: Stack, whole_answer: str) -> None:
    stack.on_link("lmx", SLOW)
    watched = Watched(stack, LONG)
    assert until(lambda: watched.has("turn.token"), 30)
    before = stack.docker("inspect", "--format", "{{.Id}}", stack.container("lmx")).stdout
    stack.docker("rm", "-f", stack.container("lmx"))
    stack.start("lmx")
    assert stack.docker("inspect", "--format", "{{.Id}}", stack.container("lmx")).stdout != before
    ending = watched.end(60)
    events = watched.events
    if ending["event"] != "turn.done":
        # The new container took longer than the turn could wait: the reason is said, and the turn can be continued.
        assert (ending["code"], ending["resumable"]) == ("provider_unavailable", True), ending
        resumed = str(watched.client.post(f"/v3/sessions/{watched.sid}/resume", {})["turnId"])
        events = [event for event in follow(watched.client, watched.sid, resumed) if event.get("turn") == resumed]
        assert events[-1]["event"] == "turn.done", events[-1]
    assert text_of(events) == whole_answer
    assert not gaps(stack.journal(watched.sid))


def test_an_lmx_that_vanishes_without_a_word_is_noticed_in_half_a_minute(stack: Stack) -> None:
    stack.on_link("lmx", SLOW)
    watched = Watched(stack, LONG)
    assert until(lambda: watched.has("turn.token"), 30)
    # As when the power of its machine fails: nothing that it sends arrives any more, and it is gone.
    address = stack.cut("lmx")
    try:
        stack.docker("kill", stack.container("lmx"))
        ending = watched.end(75)
        assert (ending["event"], ending["code"], ending["resumable"]) == ("turn.error", "provider_unavailable", True), ending
        assert "lmx" in ending["message"]
    finally:
        stack.compose("rm", "-s", "-f", "lmx")
        stack.start("lmx")
    assert address
    assert not gaps(stack.journal(watched.sid))
