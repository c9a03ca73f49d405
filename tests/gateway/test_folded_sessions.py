"""Kept transcripts: what a request folds, and that the journal decides."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from support.events import journal
from support.limits import limit_s
from support.store import House, start_of

from opta_core.errors import OptaError
from opta_core.fold import fold
from opta_core.transcript import Transcript
from opta_gateway.folded_sessions import FOLDED_HERE_MAX, FoldedSessions
from opta_gateway.store_access import StoreAccess
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Level, Mode

SID = "abcdef"
PROMPT = e.TurnStart(sid=SID, turn="t1", role="user", text="Do it", mode=Mode.do, level=Level.L2)
STEP = e.StepStart(sid=SID, turn="t1", step=1, provider="p", model="m", attempt=1)


def pieces(*texts: str) -> list[e.Event]:
    return [e.TurnToken(sid=SID, turn="t1", delta=text) for text in texts]


def write(folder: Path, lines: list[bytes], sid: str = SID) -> None:
    """A journal as it lies on the disk before a store starts."""
    (folder / "sessions").mkdir(exist_ok=True)
    file = folder / "sessions" / f"{sid}.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    file.chmod(0o600)


def play(folder: Path, story: Callable[[House], Awaitable[object]]) -> None:
    async def main() -> None:
        house = House(folder)
        try:
            async with asyncio.timeout(limit_s(20)):
                await story(house)
        finally:
            house.close()

    asyncio.run(main())


async def read(house: House, sid: str = SID, up_to: int | None = None) -> Transcript:
    """The session folded from all its lines, without anything that is kept."""
    return fold(map(wire.decode, (await house.client.all_after(sid, 0))[:up_to]))


def test_a_request_folds_only_the_lines_that_are_new(tmp_path: Path) -> None:
    write(tmp_path, journal(start_of(SID), PROMPT, STEP, *pieces("one ", "two ")))

    async def story(house: House) -> None:
        folded = FoldedSessions(house.client)
        assert await folded.transcript(SID) == await read(house)
        assert folded.folded_lines == 5
        await folded.transcript(SID)
        assert folded.folded_lines == 5
        await house.gateway.written(e.SessionNote(sid=SID, text="noted"))
        assert await folded.transcript(SID) == await read(house)
        assert folded.folded_lines == 6

    play(tmp_path, story)


def test_requests_at_one_moment_fold_a_session_once(tmp_path: Path) -> None:
    write(tmp_path, journal(start_of(SID), PROMPT, STEP, *pieces(*["word "] * (FOLDED_HERE_MAX + 1))))

    async def story(house: House) -> None:
        folded = FoldedSessions(house.client)
        found = await asyncio.gather(*[folded.transcript(SID) for _ in range(5)])
        assert all(transcript is found[0] for transcript in found)
        assert folded.folded_lines == FOLDED_HERE_MAX + 4

    play(tmp_path, story)


def test_a_transcript_that_was_handed_out_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, journal(start_of(SID), PROMPT, STEP, *pieces("one ")))

    async def story(house: House) -> None:
        folded = FoldedSessions(house.client)
        first = await folded.transcript(SID)
        await house.gateway.written(e.TurnStopping(sid=SID, turn="t1", by="client"))
        second = await folded.transcript(SID)
        assert (first.lastSeq, first.turns[0].state) == (4, "running")
        assert (second.turns[0].state, second.turns[0].steps[0].text) == ("stopping", "one ")

    play(tmp_path, story)


def test_an_earlier_seq_is_folded_anew_and_the_kept_transcript_stays(tmp_path: Path) -> None:
    write(tmp_path, journal(start_of(SID), PROMPT, STEP, *pieces("one ", "two ")))

    async def story(house: House) -> None:
        folded = FoldedSessions(house.client)
        assert await folded.transcript(SID, 4) == await read(house, up_to=4)
        assert (await folded.transcript(SID)).lastSeq == 5
        for up_to in range(5):
            assert await folded.transcript(SID, up_to) == await read(house, up_to=up_to)
        before = folded.folded_lines
        assert (await folded.transcript(SID, 5)).lastSeq == 5
        assert folded.folded_lines == before

    play(tmp_path, story)


def test_a_session_that_is_read_in_several_pages_is_whole(tmp_path: Path) -> None:
    count = 11_000
    write(tmp_path, journal(start_of(SID), PROMPT, STEP, *pieces(*["x"] * count)))

    async def story(house: House) -> None:
        transcript = await FoldedSessions(house.client).transcript(SID)
        assert (transcript.lastSeq, transcript.turns[0].steps[0].text) == (count + 3, "x" * count)

    play(tmp_path, story)


def test_a_line_that_fills_a_page_hides_no_later_line(tmp_path: Path) -> None:
    large = e.SessionNote(sid=SID, text="x" * (5 * 1024 * 1024))
    write(tmp_path, journal(start_of(SID), PROMPT))

    async def story(house: House) -> None:
        folded = FoldedSessions(house.client)
        assert (await folded.transcript(SID)).lastSeq == 2
        await house.gateway.written(large)
        await house.gateway.written(large)
        assert (await folded.transcript(SID)).lastSeq == 4

    play(tmp_path, story)


@pytest.mark.parametrize(
    "replaced",
    [
        journal(start_of(SID), PROMPT),
        journal(start_of(SID), PROMPT, STEP, *pieces("other "), producer="other.boot"),
        journal(start_of(SID), PROMPT, STEP, *pieces("other ", "and ", "more "), producer="other.boot"),
    ],
    ids=["shorter", "as long", "longer"],
)
def test_a_journal_that_was_replaced_beside_a_store_is_folded_anew(tmp_path: Path, replaced: list[bytes]) -> None:
    write(tmp_path, journal(start_of(SID), PROMPT, STEP, *pieces("one ")))

    async def story(house: House) -> None:
        folded = FoldedSessions(house.client)
        await folded.transcript(SID)
        house.local.store.close()
        write(tmp_path, replaced)
        house.local.start()
        assert await folded.transcript(SID) == fold(map(wire.decode, replaced))

    play(tmp_path, story)


def test_every_start_of_the_store_drops_what_was_kept(tmp_path: Path) -> None:
    first = journal(start_of(SID), PROMPT, STEP, *pieces("one ", "two "))
    # Another line in the middle, and the same last line.
    second = [*first[:3], *journal(start_of(SID), PROMPT, STEP, *pieces("ONE "))[3:], first[4]]
    write(tmp_path, first)

    async def story(house: House) -> None:
        access = StoreAccess(house.bus, "gate1111")
        assert (await access.transcript(SID)).turns[0].steps[0].text == "one two "
        house.local.store.close()
        write(tmp_path, second)
        house.local.start()
        house.local.store.heartbeat()
        await asyncio.sleep(0)
        assert (await access.transcript(SID)).turns[0].steps[0].text == "ONE two "
        access.outbox.close()

    play(tmp_path, story)


def test_after_a_repair_the_session_is_folded_anew(tmp_path: Path) -> None:
    lines = journal(start_of(SID), PROMPT, STEP, *pieces("one ", "two "))
    write(tmp_path, lines)

    async def story(house: House) -> None:
        folded = FoldedSessions(house.client)
        assert (await folded.transcript(SID)).turns[0].steps[0].text == "one two "
        house.local.store.close()
        write(tmp_path, [*lines[:3], b"damaged", lines[4]])
        house.local.start()
        assert (await house.client.repair(SID, is_wanted=True)).applied
        found = await folded.transcript(SID)
        assert found == await read(house)
        assert found.turns[0].steps[0].text == "two "

    play(tmp_path, story)


def test_a_session_that_is_gone_is_not_found_and_not_kept(tmp_path: Path) -> None:
    write(tmp_path, journal(start_of(SID)))

    async def story(house: House) -> None:
        folded = FoldedSessions(house.client)
        await folded.transcript(SID)
        house.local.store.close()
        (tmp_path / "sessions" / f"{SID}.jsonl").unlink()
        house.local.start()
        with pytest.raises(OptaError) as refused:
            await folded.transcript(SID)
        assert refused.value.code is ErrorCode.not_found
        assert folded.kept == []

    play(tmp_path, story)


def test_what_is_kept_is_bounded_and_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    sids = ["abcdef", "ghjkmn", "pqrstv"]
    for sid in sids:
        write(tmp_path, journal(start_of(sid)), sid)

    async def story(house: House) -> None:
        folded = FoldedSessions(house.client, sessions_max=2)
        for sid in [sids[0], sids[1], sids[0], sids[2]]:
            assert (await folded.transcript(sid)).sid == sid
        assert folded.kept == [sids[0], sids[2]]
        small = FoldedSessions(house.client, bytes_max=6000)
        for sid in sids:
            await small.transcript(sid)
        assert small.kept == sids[1:]
        await house.gateway.written(e.SessionNote(sid=sids[0], text="x" * 6000))
        assert (await small.transcript(sids[0])).lastSeq == 2
        assert small.kept == []

    play(tmp_path, story)
