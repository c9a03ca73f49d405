"""LMX on another machine: a key and a pinned certificate, a second LMX that steps in, and clocks that differ by days."""

import json
import time
from collections.abc import Iterator

import pytest
from support.compose import Stack, gaps, text_of
from support.oracles import until

SUM, ANSWER = "What is 2+2?", "4"
# A request without the key of the pairing, from the daemon's container.
STRANGER = """
import http.client, ssl
trusted = ssl.create_default_context(cafile="/var/lib/opta/lmx/hosts/lmx_1234.pem")
trusted.check_hostname = False
connection = http.client.HTTPSConnection("lmx", 1234, timeout=10, context=trusted)
connection.request("POST", "/v1/chat/completions", "{}", {"Authorization": "Bearer lmx-wrong"})
print(connection.getresponse().status)
"""


def test_a_turn_goes_to_the_paired_lmx_with_its_key_and_its_certificate(stack: Stack) -> None:
    client = stack.client
    sid = stack.session(client, mode="chat")
    events = stack.turn(client, sid, SUM)
    assert (events[-1]["event"], text_of(events)) == ("turn.done", ANSWER)
    assert [event["host"] for event in events if event["event"] == "step.start"] == ["lmx:1234"]
    assert "certificate pinned" in stack.opta("daemon", "lmx", "doctor", check=False).stdout
    assert stack.exec("daemon", "/opt/opta/bin/python", "-I", "-c", STRANGER).stdout.strip() == "401"


def test_a_tool_call_of_the_model_runs_in_the_daemons_container(stack: Stack) -> None:
    stack.exec("daemon", "sh", "-c", "echo 'the harbour is open' >/work/notes.txt")
    client = stack.client
    events = stack.turn(client, stack.session(client, level="L3"), "Read the file notes.txt")
    assert events[-1]["event"] == "turn.done"
    assert "the harbour is open" in text_of(events)


@pytest.fixture(scope="module")
def with_second(stack: Stack) -> Iterator[Stack]:
    """The stack with a second LMX, whose clock has been three days ahead since before it made its certificate."""
    stack.start("lmx2", OPTA_TEST_CLOCK="+3d")
    assert "providers.second is lmx" in stack.pair("lmx2", "--provider", "second")
    yield stack
    stack.opta("daemon", "provider", "remove", "second")
    stack.compose("rm", "-s", "-f", "lmx2")


def test_a_certificate_from_the_future_is_the_one_that_was_pinned(with_second: Stack) -> None:
    hours_ahead = f"import time; print(round((time.time() - {time.time()}) / 3600))"
    assert with_second.exec("lmx2", "/opt/opta/bin/python", "-I", "-c", hours_ahead).stdout.strip() == "72"
    client = with_second.client
    events = with_second.turn(client, with_second.session(client, mode="chat", model="second/probe"), SUM)
    assert (events[-1]["event"], text_of(events)) == ("turn.done", ANSWER), events[-1]
    # And a year behind: what was paired stays so.
    with_second.start("lmx2", OPTA_TEST_CLOCK="-400d")
    events = with_second.turn(client, with_second.session(client, mode="chat", model="second/probe"), SUM)
    assert (events[-1]["event"], text_of(events)) == ("turn.done", ANSWER), events[-1]


def test_a_second_lmx_steps_in_while_the_first_is_away_and_steps_back(with_second: Stack) -> None:
    client = with_second.client
    sid = with_second.session(client, mode="chat")
    with_second.compose("stop", "-t", "20", "lmx")
    events = with_second.turn(client, sid, SUM)
    assert (events[-1]["event"], text_of(events)) == ("turn.done", ANSWER), events[-1]
    assert [event["to"] for event in events if event["event"] == "route.switch"] == ["second/probe"]
    with_second.start("lmx")

    def answers_itself() -> bool:
        last = with_second.turn(client, sid, SUM)
        assert text_of(last) == ANSWER
        return not any(event["event"] == "route.switch" for event in last)

    assert until(answers_itself, 40)
    lines = with_second.journal(sid)
    assert not gaps(lines)
    endings = [line for line in lines if json.loads(line)["event"] == "turn.done"]
    assert len(endings) == len([line for line in lines if json.loads(line)["event"] == "turn.start"])
