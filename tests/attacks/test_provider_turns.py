"""Whole turns against model servers that fail, stall and lie: few tries, clear endings, no call run that should not be."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support.aftermath import places_of, stays_alive
from support.byte_server import RESET, STREAM, ByteServer, Piece, Request, finish, say, use, whole
from support.daemon import Daemon
from support.limits import limit_s
from support.promises import check_journal

pytestmark = pytest.mark.system

KEY = "canary-key-of-the-scripted-provider"
STATUSES = (401, 403, 429, 500, 503, 529)
# Counts, under its own name, how many of its like run at this moment.
COUNTING = "f=$(mktemp at-once/XXXXXXXX); ls at-once | wc -l >> counts; sleep 0.05; rm $f"


def call(name: str, arguments: Any, index: int = 0, id_: str = "c") -> dict[str, Any]:
    """A piece of an answer; arguments that are no text are encoded."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"index": index, "id": id_, "function": {"name": name, "arguments": text}}


# What the model wants, by the prompt, and the code of each call's result ('' when it ran well).
CALLS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "half": ([call("run_command", '{"command": "touch M')], ["bad_call"]),
    "joined": ([call("run_command", '{"command":"touch M"}{"command":"touch M"}')], ["bad_call"]),
    "list": ([call("run_command", '["touch M"]')], ["bad_call"]),
    "nested": ([call("grep", '{"pattern":' + "[" * 3000 + "]" * 3000 + "}")], ["bad_call"]),
    "nested twice": ([call("grep", '{"a":' * 3000 + "1" + "}" * 3000)], ["bad_call"]),
    "nested less": ([call("grep", '{"pattern":' + "[" * 300 + "]" * 300 + "}")], ["bad_call"]),
    "unknown": ([call("fly", {"path": "M"})], ["bad_call"]),
    # A name with one reading is corrected.
    "newline": ([call("write_file\n", {"path": "N", "content": "x"})], [""]),
    "case": ([call("Run_Command", {"command": "true"})], [""]),
    "long": ([call("run_command" * 1000, {"command": "touch M"})], ["bad_call"]),
    "type": ([call("run_command", {"command": ["touch", "M"]})], ["bad_arguments"]),
    "extra": ([call("write_file", {"path": "M", "content": "x", "mode": 777})], ["bad_arguments"]),
    "absent": ([call("write_file", {"path": "M"})], ["bad_arguments"]),
    "one id": ([call("list_dir", {}, 0), call("list_dir", {"path": "."}, 1)], ["", ""]),
}
HUNDRED = [call("run_command", {"command": COUNTING}, number, f"c{number}") for number in range(100)]


def reply(request: Request) -> list[Piece]:
    asked = request.prompt
    if request.body["messages"][-1]["role"] == "tool":
        return [STREAM, say("done"), finish()]
    if asked in CALLS:
        return [STREAM, *[use(piece) for piece in CALLS[asked][0]], finish("tool_calls")]
    if asked.isdigit():
        return [whole(int(asked), request.head, "Retry-After: 0")]
    match asked:
        case "hundred":
            return [STREAM, use(*HUNDRED), finish("tool_calls")]
        case "redirect":
            return [whole(302, request.head, f"Location: {evil.url}/chat/completions")]
        case "cut":
            return [STREAM, say("half "), use(call("run_command", '{"command":"touch M"}')), 0.05, RESET]
        case "length":
            return [STREAM, say("half "), use(call("run_command", '{"command":"touch M"}')), finish("length", {"completion_tokens": -9})]
        case "stall":
            return [STREAM, say("half "), 30.0]
        case "HTML":
            return [whole(200, b"<html><body>Please log in</body></html>")]
        case "flood":
            return [STREAM, say("x" * 10 * 1024 * 1024)]
        case _:
            return [STREAM, say("fine"), finish()]


evil = ByteServer(lambda request: [STREAM, say("from elsewhere"), finish()])


class Played:
    """What came of one prompt."""

    def __init__(self, events: list[dict[str, Any]], requests: list[Request]):
        self.events, self.requests = events, requests

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    @property
    def ending(self) -> dict[str, Any]:
        return self.events[-1]


@pytest.fixture(scope="module")
def model() -> Iterator[ByteServer]:
    with evil, ByteServer(reply) as server:
        yield server


@pytest.fixture(scope="module")
def daemon(model: ByteServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("providers")
    other = f'\n[providers.other]\ntype = "openai"\nbase-url = "{evil.url}"\nmodel = "other"\n'
    daemon = Daemon(folder, model_url=model.url, config="vault-file = true\nmax-calls = 100\n" + other)
    added = daemon.opta(
        "config", "add-provider", "scripted", "--type=openai", f"--base-url={model.url}", "--key-stdin", "--replace", stdin=KEY + "\n"
    )
    assert added.returncode == 0, added.stderr
    (daemon.workspace / "at-once").mkdir()
    with daemon:
        yield daemon


@pytest.fixture(scope="module")
def played(daemon: Daemon, model: ByteServer) -> dict[str, Played]:
    """Every prompt in a session of its own, all at once; nobody is asked, so only what the agent itself refuses is not run."""
    prompts = [*CALLS, *map(str, STATUSES), "hundred", "redirect", "cut", "length", "HTML", "flood", "fine"]
    with stays_alive(daemon):
        turns = {prompt: (sid := daemon.session(mode="do", policy="unrestricted"), daemon.submit(sid, prompt)) for prompt in prompts}
        for sid, turn in turns.values():
            daemon.follow(sid, turn)
    return {
        prompt: Played(check_journal(daemon.journal(sid)), [request for request in model.requests if request.prompt == prompt])
        for prompt, (sid, _) in turns.items()
    }


@pytest.mark.attack("A69")
@pytest.mark.parametrize(("prompt", "code", "tries"), [("HTML", "stream_lost", 4), ("flood", "provider_error", 1)])
def test_what_is_no_stream_ends_the_turn_with_one_clear_error(played: dict[str, Played], prompt: str, code: str, tries: int) -> None:
    ending = played[prompt].ending
    assert (ending["event"], ending["code"], ending["domain"]) == ("turn.error", code, "inference")
    assert len(played[prompt].requests) == tries


@pytest.mark.attack("A70")
@pytest.mark.alone
def test_a_stalled_answer_is_stopped_within_a_second_and_what_was_said_is_kept(daemon: Daemon) -> None:
    sid = daemon.session()
    turn = daemon.submit(sid, "stall")
    for line in daemon.client.events(sid, 0):
        if json.loads(line)["event"] == "turn.token":
            break
    started = time.perf_counter()
    daemon.client.post(f"/v3/sessions/{sid}/stop", {"turnId": turn})
    events = daemon.follow(sid, turn)
    assert time.perf_counter() - started < limit_s(1)
    assert events[-1]["event"] == "session.cancelled"
    assert [event["delta"] for event in events if event["event"] == "turn.token"] == ["half "]


@pytest.mark.attack("A70", "A72")
def test_an_answer_cut_in_the_middle_of_a_call_runs_nothing_and_keeps_its_text(played: dict[str, Played]) -> None:
    cut = played["cut"]
    assert (cut.ending["event"], cut.ending["code"], len(cut.requests)) == ("turn.error", "stream_lost", 4)
    assert cut.all("turn.token")[-1]["delta"] == "half "
    assert cut.all("tool.call") == []


@pytest.mark.attack("A71")
@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_is_tried_again_three_times_at_most_and_a_refused_key_never(played: dict[str, Played], status: int) -> None:
    refused = played[str(status)]
    assert len(refused.requests) == (1 if status in (401, 403) else 4)
    assert all(KEY.encode() in request.head for request in refused.requests)
    code = "provider_auth" if status in (401, 403) else "provider_unavailable"
    assert (refused.ending["event"], refused.ending["code"]) == ("turn.error", code)


@pytest.mark.attack("A71")
def test_a_key_goes_to_no_other_server_and_into_no_file(daemon: Daemon, played: dict[str, Played]) -> None:
    redirect = played["redirect"]
    assert (redirect.ending["event"], len(redirect.requests)) == ("turn.error", 1)
    # The other server is a configured provider, and nobody configured it as a replacement of this one.
    assert evil.requests == []
    assert not any(turn.all("route.switch") for turn in played.values())
    assert places_of(daemon, [KEY]) == []


@pytest.mark.attack("A72")
@pytest.mark.parametrize("prompt", CALLS)
def test_a_call_runs_only_when_it_is_complete_known_and_of_the_right_shape(daemon: Daemon, played: dict[str, Played], prompt: str) -> None:
    turn, codes = played[prompt], CALLS[prompt][1]
    assert [result.get("code", "") for result in turn.all("tool.result")] == codes
    assert not (daemon.workspace / "M").exists()
    # The model reads what was wrong, call by call.
    *_, asked = [message for message in turn.requests[1].body["messages"] if message["role"] == "assistant"]
    answers = [message for message in turn.requests[1].body["messages"] if message["role"] == "tool"]
    assert [answer["tool_call_id"] for answer in answers] == [wish["id"] for wish in asked["tool_calls"]]
    assert [answer["content"].startswith("Error: ") for answer in answers] == [code != "" for code in codes]


@pytest.mark.attack("A72")
def test_of_a_hundred_commands_in_one_answer_one_runs_at_a_time(daemon: Daemon, played: dict[str, Played]) -> None:
    results = played["hundred"].all("tool.result")
    assert [result["ok"] for result in results] == [True] * 100
    assert played["hundred"].ending["finish"] == "budget"
    counts = [int(line) for line in (daemon.workspace / "counts").read_text().split()]
    assert len(counts) == 100
    assert max(counts) == 1


@pytest.mark.attack("A73")
def test_an_answer_that_was_too_long_runs_nothing_and_counts_nothing_below_zero(daemon: Daemon, played: dict[str, Played]) -> None:
    length = played["length"]
    assert length.all("tool.call") == []
    # The model was asked for less, and answered.
    assert (length.ending["event"], length.ending["finish"]) == ("turn.done", "stop")
    assert "length limit" in length.all("step.start")[-1]["nudge"]
    numbers = [value for value in length.ending.values() if isinstance(value, int | float)]
    assert min(numbers) >= 0
    assert min(value for value in daemon.client.get("/v3/metrics").values() if isinstance(value, int | float)) >= 0
