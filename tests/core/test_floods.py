"""A flood of events in one session delays that session and no other."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
from support.limits import limit_s
from support.oracles import until_async
from support.store import House, prompt, settle, start_of
from support.story import Scripted, Story

from opta_agent.model_call import JOINED_FROM, joined
from opta_agent.providers.base import CallPart, End, ModelRequest, Part, TextPart, Thinking
from opta_core.bus.bus import Frames, LocalBus
from opta_core.bus.outbox import ON_WIRE_MAX, WINDOW, Outbox
from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol.commands import Ack, Append
from opta_protocol.topics import STORE_IN
from opta_tools.progress import BYTES_MAX, LEFT_OUT, Progress

FLOODED, OTHER = "abcdef", "fedcba"
FLOOD = 50_000


def token(sid: str, text: str = "x") -> e.TurnToken:
    return e.TurnToken(sid=sid, turn="t1", delta=text)


def test_what_another_session_says_stands_behind_a_part_of_the_flood_and_not_behind_all_of_it() -> None:
    async def story() -> None:
        bus = LocalBus()
        arrived: list[str] = []

        def take(peer: bytes, frames: Frames) -> None:
            head = msgspec.json.decode(frames[0], type=Append)
            arrived.extend([head.sid] * (len(frames) - 1))
            last = head.n + len(frames) - 2
            router.send(peer, [msgspec.json.encode(Ack(p=head.p, sid=head.sid, n=last, boot="one"))])

        router = bus.router(STORE_IN, take)
        box = Outbox(bus, "tools", "boot")
        for _ in range(FLOOD):
            box.append(token(FLOODED))
        for number in range(20):
            before = len(arrived)
            box.append(token(OTHER, str(number)))
            while arrived[before:].count(OTHER) == 0:  # noqa: ASYNC110 - one turn of the loop
                await asyncio.sleep(0)
            assert arrived[before:].index(OTHER) <= ON_WIRE_MAX
        await box.drained(10)
        assert arrived.count(FLOODED) == FLOOD
        box.close()

    asyncio.run(story())


def test_a_full_window_holds_only_the_session_that_filled_it() -> None:
    async def story() -> None:
        bus = LocalBus()
        box = Outbox(bus, "agent", "boot")  # nobody acknowledges anything
        for _ in range(WINDOW):
            box.append(token(FLOODED))
        box.append(token(OTHER))
        async with asyncio.timeout(limit_s(1)):
            await box.wait_for_capacity(OTHER)
            await box.wait_for_capacity("never heard of")
        waiting = asyncio.create_task(box.wait_for_capacity(FLOODED))
        await settle()
        assert not waiting.done()
        waiting.cancel()
        box.close()

    asyncio.run(story())


def test_a_flood_is_whole_in_the_store_and_a_session_beside_it_is_too(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        for sid in (FLOODED, OTHER):
            await house.gateway.written(start_of(sid))
            await house.gateway.written(prompt(sid))
        for number in range(10_000):
            house.agent.append(token(FLOODED, f"{number} "))
        beside = await house.agent.written(token(OTHER))
        assert beside.status == "written"
        await house.agent.drained(20)
        texts = [msgspec.json.decode(line)["delta"] for line in house.local.journal(FLOODED)[2:]]
        assert texts == [f"{number} " for number in range(10_000)]
        house.close()

    asyncio.run(story())


def test_events_that_are_together_too_large_for_a_message_are_sent_in_several() -> None:
    async def story() -> None:
        bus = LocalBus()
        sizes: list[int] = []
        bus.router(STORE_IN, lambda peer, frames: sizes.append(sum(map(len, frames))))
        box = Outbox(bus, "tools", "boot")
        for _ in range(100):
            box.append(token(FLOODED, "x" * 900_000))
        while len(sizes) < 100:  # noqa: ASYNC110 - one turn of the loop
            await asyncio.sleep(0)
        assert max(sizes) < 2_000_000
        box.close()

    asyncio.run(story())


def test_pieces_that_came_in_one_read_are_joined_when_they_are_many() -> None:
    call = CallPart("c", "list_dir", "{}")
    parts: list[Part] = [Thinking("a"), Thinking("b"), TextPart("c"), TextPart("d"), call, TextPart("e"), End("stop", None)]
    assert joined(parts) == [Thinking("ab"), TextPart("cd"), call, TextPart("e"), End("stop", None)]


def test_a_flood_in_one_read_is_one_event_and_a_few_pieces_stay_as_they_are() -> None:
    class Reads(Scripted):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
            for read in self._scripts:
                yield [part for part in read if not isinstance(part, OptaError)]

    story = Story()
    flood, few = [TextPart(".")] * 5000, [TextPart("a"), TextPart("b")]
    done = story.play(Reads(flood, few, [End("stop", None)]))
    deltas = [event.delta for event in story.events if isinstance(event, e.TurnToken)]
    assert deltas == ["." * 5000, "a", "b"]
    assert done.tokens == 5002  # without a word from the provider each piece counts as one
    assert len(few) < JOINED_FROM
    turn = story.session.transcript.turn("t1")
    assert turn is not None
    assert turn.steps[0].text == "." * 5000 + "ab"


def test_fifty_thousand_progress_lines_are_sent_as_a_few_texts() -> None:
    async def story() -> None:
        texts: list[str] = []
        with Progress(texts.append) as progress:
            progress.add("first\n")
            assert texts == ["first\n"]
            for number in range(50_000):
                progress.add(f"{number}\n")
        assert len(texts) <= 3
        assert texts[-1].endswith(LEFT_OUT)
        assert BYTES_MAX / 2 < len("".join(texts)) <= BYTES_MAX + len(LEFT_OUT)
        with Progress(texts.append) as progress:
            progress.add("a")
            progress.add("b")
            texts.clear()
            assert await until_async(lambda: bool(texts))
            assert texts == ["b"]
            progress.add("c")
        assert texts == ["b", "c"]

    asyncio.run(story())
