"""The export of telemetry in the real processes, to a local receiver: traces, figures, and a collector that is away or silent."""

import http.server
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.random_kills import RandomKills, insist

from opta_cli.client import new_key

pytestmark = pytest.mark.system


class Receiver(http.server.ThreadingHTTPServer):
    """An OTLP receiver that keeps what it gets. While `is_silent`, it takes requests and answers none."""

    daemon_threads = True

    def __init__(self, port: int = 0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.received: list[tuple[str, bytes]] = []
        self.is_silent = False
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def spans(self) -> list[Any]:
        """Every span that came."""
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        bodies = [body for path, body in self.received if path == "/v1/traces"]
        requests: list[Any] = [ExportTraceServiceRequest.FromString(body) for body in bodies]
        return [
            span for request in requests for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
        ]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.is_silent:
            self.server.over.wait(60)
            return
        import gzip

        self.server.received.append((self.path, gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        return


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    return [Use("list_dir", {"path": "."})] if messages[-1]["role"] == "user" else [Say("hunter2")]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.over.set()
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Daemon]:
    config = f'[otel]\nenabled = true\nendpoint = "http://127.0.0.1:{receiver.server_address[1]}"\n'
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("otel"), model_url=model.url, config=config) as running:
        yield running


def play(daemon: Daemon) -> tuple[str, str]:
    # Asked until a gateway answers.
    daemon.client.get("/v3/sessions")
    sid = daemon.session(mode="do", title="hunter2")
    turn = daemon.submit(sid, "hunter2")
    assert daemon.follow(sid, turn)[-1]["event"] == "turn.done"
    return sid, turn


def test_a_turn_reaches_the_collector_as_one_trace_without_its_words(daemon: Daemon, receiver: Receiver) -> None:
    sid, _ = play(daemon)
    assert until(lambda: len(receiver.spans()) == 4)
    spans = receiver.spans()
    assert sorted(span.name for span in spans) == ["chat scripted", "chat scripted", "execute_tool list_dir", "invoke_agent opta"]
    assert len({span.trace_id for span in spans}) == 1
    root = next(span for span in spans if span.name.startswith("invoke_agent"))
    assert not root.parent_span_id and {span.parent_span_id for span in spans if span is not root} == {root.span_id}
    about = {each.key: each.value.string_value for each in root.attributes}
    assert about["gen_ai.conversation.id"] == sid
    assert not [body for _, body in receiver.received if b"hunter2" in body or str(daemon.workspace).encode() in body]
    # The figures come when the gateway goes, at the latest.
    daemon.client.post("/v3/daemon/services/gateway/restart", {})
    assert until(lambda: any(path == "/v1/metrics" and b"gen_ai.client.token.usage" in body for path, body in receiver.received))


def test_a_turn_in_which_the_gateway_was_killed_is_exported_whole(daemon: Daemon, receiver: Receiver) -> None:
    daemon.client.get("/v3/sessions")
    receiver.received.clear()
    sid = daemon.session(mode="do")
    turn = daemon.submit(sid, "go")
    daemon.kill("gateway")
    daemon.follow(sid, turn)
    # One that ended while no gateway lived is not exported; the next one is.
    play(daemon)
    assert until(lambda: len(receiver.spans()) >= 4)


def test_turns_are_exported_at_most_once_while_processes_are_killed_at_random(daemon: Daemon, receiver: Receiver) -> None:
    receiver.received.clear()
    sids: list[str] = []
    with RandomKills(daemon, 1):
        for _ in range(6):
            sids.append(insist(lambda: daemon.session(mode="do")))
            key, path = new_key(), f"/v3/sessions/{sids[-1]}/turns"
            turn = insist(lambda path=path, key=key: daemon.client.post(path, {"text": "go"}, key))["turnId"]
            daemon.follow(sids[-1], turn)
    last, _ = play(daemon)
    sids.append(last)

    def exported() -> Counter[str]:
        found = [span for span in receiver.spans() if span.name.startswith("invoke_agent")]
        return Counter(each.value.string_value for span in found for each in span.attributes if each.key == "gen_ai.conversation.id")

    # One that ended while no gateway lived is not exported, and none is exported twice; the daemon exports on.
    assert until(lambda: exported()[last] == 1)
    assert max(exported().values()) == 1 and set(exported()) <= set(sids)


def test_a_collector_that_is_silent_or_away_costs_a_turn_nothing_and_is_named_once(daemon: Daemon, receiver: Receiver) -> None:
    play(daemon)
    receiver.is_silent = True
    started = time.monotonic()
    for _ in range(3):
        play(daemon)
    assert time.monotonic() - started < 30
    log = daemon.home / "daemon/logs/gateway.log"
    assert until(lambda: "cannot be reached" in log.read_text(), 60)
    play(daemon)
    receiver.is_silent = False
    receiver.over.set()
    receiver.received.clear()
    play(daemon)
    assert until(lambda: "answers again" in log.read_text(), 60)
    assert log.read_text().count("cannot be reached") == 1
