"""Metrics on the stream of all sessions: one measurement for all watchers, and a line even while nothing can be measured."""

import asyncio
import json
from pathlib import Path

import pytest
from support.limits import limit_s
from support.store import House, start_of

from opta_core.errors import Unavailable
from opta_gateway.live_metrics import LiveMetrics
from opta_gateway.live_streams import LiveStreams
from opta_gateway.store_access import StoreAccess
from opta_gateway.stream import serve
from opta_http.asgi import Message
from opta_protocol.http_daemon import Contract, Health, Metrics
from opta_protocol.ids import new_session_id

METRICS = Metrics(sessions=2, turnsRunning=1, turnsQueued=0, tokensPerSec=9.5, tools={}, lmx={}, memory={}, streams=1)
HEALTH = Health(status="ok", version="1", daemonId="d", uptime=5.0, contract=Contract(name="opta-daemon-v3", version=1), sandbox="full")


def test_watchers_share_a_measurement() -> None:
    measured = 0

    async def measure() -> Metrics:
        nonlocal measured
        measured += 1
        await asyncio.sleep(0)
        return METRICS

    async def story() -> None:
        live = LiveMetrics(measure, lambda: HEALTH)
        watchers = [live.lines() for _ in range(20)]
        lines = await asyncio.gather(*map(anext, watchers))
        assert len(set(lines)) == 1
        line = json.loads(lines[0])
        assert line["control"] == "metrics"
        assert (line["metrics"]["tokensPerSec"], line["health"]["sandbox"]) == (9.5, "full")
        for watcher in watchers:
            await watcher.aclose()

    asyncio.run(story())
    assert measured == 1


def test_a_store_that_does_not_answer_leaves_the_metrics_empty_and_the_health_known() -> None:
    async def measure() -> Metrics:
        raise Unavailable("The store does not answer.")

    async def story() -> None:
        live = LiveMetrics(measure, lambda: HEALTH)
        line = json.loads(await anext(live.lines()))
        assert line["metrics"] is None
        assert line["health"]["uptime"] == 5.0

    asyncio.run(story())


@pytest.mark.parametrize(("query", "is_sent"), [("", False), ("metrics=1", True), ("metrics=0", False)])
def test_a_client_of_all_sessions_gets_metrics_when_it_asks_for_them(tmp_path: Path, query: str, is_sent: bool) -> None:
    async def story() -> list[str]:
        house = House(tmp_path)
        store = StoreAccess(house.bus, "gate1111")
        streams = LiveStreams(store)

        async def measure() -> Metrics:
            return METRICS

        sent: asyncio.Queue[Message] = asyncio.Queue()
        asked: asyncio.Queue[Message] = asyncio.Queue()
        asked.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "path": "/v3/events", "query_string": query.encode(), "headers": []}
        serving = asyncio.create_task(serve(scope, asked.get, sent.put, store, streams, LiveMetrics(measure, lambda: HEALTH)))
        frames: list[str] = []
        async with asyncio.timeout(limit_s(10)):
            assert (await sent.get())["type"] == "websocket.accept"
            # An event of any session comes after both the first control lines and the metrics.
            while not frames or "session.start" not in frames[-1]:
                frames.append((await sent.get())["text"])
                if len(frames) == 1 + is_sent:
                    await house.gateway.written(start_of(new_session_id()))
            asked.put_nowait({"type": "websocket.disconnect"})
            await serving
        streams.close()
        store.outbox.close()
        store.queries.close()
        house.close()
        return [json.loads(line).get("control", "event") for frame in frames for line in frame.splitlines()]

    controls = asyncio.run(story())
    assert sorted(controls) == sorted(["reset", "cursor", "event", "cursor", *(["metrics"] if is_sent else [])])
