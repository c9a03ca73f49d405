"""The daemon's container is restarted, killed and upgraded; what lies in its volume stays."""

import json
import os
from collections.abc import Iterator

import pytest
from support.compose import Stack, follow, gaps, text_of
from support.oracles import until

SUM, ANSWER = "What is 2+2?", "4"


def test_a_restarted_container_has_every_session_and_the_pairing(stack: Stack) -> None:
    client = stack.client
    sid = stack.session(client, mode="chat", title="before the restart")
    stack.turn(client, sid, SUM)
    before = stack.journal(sid)
    stack.compose("restart", "-t", "20", "daemon")
    assert until(lambda: stack.is_ready("daemon"), 60), stack.logs("daemon")
    assert stack.journal(sid)[: len(before)] == before
    client = stack.client
    assert sid in [session["id"] for session in client.get("/v3/sessions")["sessions"]]
    events = stack.turn(client, sid, SUM)
    assert (events[-1]["event"], text_of(events)) == ("turn.done", ANSWER)
    assert not gaps(stack.journal(sid))


def test_a_container_that_is_killed_in_a_turn_continues_the_turn(stack: Stack) -> None:
    client = stack.client
    sid = stack.session(client, mode="chat")
    stack.on_link("lmx", "tc qdisc replace dev $DEV root tbf rate 16kbit burst 2000 latency 4s")
    try:
        turn = stack.submit(client, sid, "Write me a poem about the sea and the harbour")
        assert until(lambda: "turn.token" in "".join(stack.journal(sid)), 30)
        before = stack.journal(sid)
        stack.docker("kill", stack.container("daemon"))
    finally:
        stack.on_link("lmx", "tc qdisc del dev $DEV root")
    stack.docker("start", stack.container("daemon"))
    assert until(lambda: stack.is_ready("daemon"), 60), stack.logs("daemon")
    events = follow(stack.client, sid, turn)
    assert events[-1]["event"] == "turn.done", events[-1]
    lines = stack.journal(sid)
    assert not gaps(lines)
    assert lines[: len(before)] == before
    assert len([line for line in lines if json.loads(line)["event"] == "turn.done"]) == 1


@pytest.fixture
def older(tmp_path_factory: pytest.TempPathFactory, faketime: dict[str, str]) -> Iterator[Stack]:
    """A daemon of the previous release with an LMX of this one, in a project and volumes of their own."""
    tag = os.environ.get("OPTA_COMPOSE_OLDER")
    if not tag:
        pytest.skip("the image of the previous release could not be built here: its commit is not in this checkout")
    found = Stack("opta-compose-test-upgrade", tmp_path_factory.mktemp("older"), variables=faketime)
    try:
        found.start("lmx")
        found.start("daemon", tag=tag)
        found.opta("daemon", "config", "set", "vault-file", "true")
        assert "Paired with lmx:1234" in found.pair("lmx")
        found.opta("daemon", "daemon", "restart")
        yield found
    finally:
        found.remove()


def test_an_upgrade_keeps_the_journals_of_the_previous_release(older: Stack) -> None:
    client = older.client
    sid = older.session(client, mode="chat")
    # The old daemon speaks with the new LMX.
    events = older.turn(client, sid, SUM)
    assert (events[-1]["event"], text_of(events)) == ("turn.done", ANSWER), events[-1]
    # The new command line speaks with the old daemon, as after an update of the program under a daemon that runs.
    beside = ["run", "--rm", "--network", f"container:{older.container('daemon')}", "--volumes-from", older.container("daemon")]
    listed = older.docker(*beside, "--entrypoint", "opta", f"opta-daemon:{os.environ['OPTA_TAG']}", "sessions", "list", "--json").stdout
    assert [session["id"] for session in json.loads(listed)["sessions"]] == [sid]
    before, old_image = older.journal(sid), older.docker("inspect", "--format", "{{.Image}}", older.container("daemon")).stdout
    older.start("daemon", tag=os.environ["OPTA_TAG"])
    assert older.docker("inspect", "--format", "{{.Image}}", older.container("daemon")).stdout != old_image
    assert older.journal(sid) == before
    client = older.client
    assert [session["id"] for session in client.get("/v3/sessions")["sessions"]] == [sid]
    events = older.turn(client, sid, SUM)
    assert (events[-1]["event"], text_of(events)) == ("turn.done", ANSWER), events[-1]
    lines = older.journal(sid)
    assert lines[: len(before)] == before
    assert not gaps(lines)
