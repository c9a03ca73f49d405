"""A damaged journal goes on: what is readable stays byte for byte under its seq, what is lost is named, the damaged file is kept."""

import asyncio
import random
from pathlib import Path

import pytest
from support.events import TS
from support.journals import SID, ask, file_of, play
from support.store import House, prompt, start_of

from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.http import Repair

LINES = [
    wire.stamp(wire.encode_body(event), seq, TS.format(seq), "test.boot", seq)
    for seq, event in enumerate(
        [
            start_of(SID),
            *(
                event
                for number in range(1, 4)
                for event in (
                    e.TurnStart(sid=SID, turn=f"t{number}", role="user", text="x", mode="do", level="L2"),  # type: ignore[arg-type]
                    e.StepStart(sid=SID, turn=f"t{number}", step=1, provider="p", model="m", attempt=1),
                    e.TurnToken(sid=SID, turn=f"t{number}", delta='é {"seq":'),
                    e.TurnDone(sid=SID, turn=f"t{number}", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"),
                )
            ),
        ],
        1,
    )
]
GARBAGE = b'\x00\xff {"seq":3,"event":"turn.token"} no line at all'


def joined(lines: list[bytes], end: bytes = b"\n") -> bytes:
    return b"".join(line + end for line in lines)


DAMAGES: dict[str, tuple[bytes, list[int]]] = {
    "line ends of another system": (joined(LINES, b"\r\n"), []),
    "one such line end": (joined(LINES[:4]) + LINES[4] + b"\r\n" + joined(LINES[5:]), []),
    "a repeated line": (joined([*LINES[:5], LINES[4], *LINES[5:]]), []),
    "a repeated run": (joined([*LINES[:8], *LINES[3:]]), []),
    "a garbage line": (joined([*LINES[:5], GARBAGE, *LINES[5:]]), []),
    "a line turned to garbage": (joined([*LINES[:4], GARBAGE, *LINES[5:]]), [5]),
    "a hole": (joined([*LINES[:3], *LINES[7:]]), [4, 5, 6, 7]),
    "the start of a turn lost": (joined([*LINES[:9], *LINES[10:]]), [10]),
    "lines in another order": (joined([*LINES[:3], LINES[4], LINES[3], *LINES[5:]]), []),
    "a lost newline": (joined(LINES[:3]) + LINES[3] + joined(LINES[4:]), []),
    "a line cut off in front of another": (joined(LINES[:3]) + LINES[3][:40] + joined(LINES[4:]), [4]),
    "zeroes in front of a line": (joined(LINES[:3]) + b"\x00" * 4096 + joined(LINES[3:]), []),
    "zeroes over a line": (joined(LINES[:3]) + bytes(len(LINES[3])) + b"\n" + joined(LINES[4:]), [4]),
    "empty lines": (joined([*LINES[:3], b"", b"", *LINES[3:]]), []),
    "a mark in front of the file": (b"\xef\xbb\xbf" + joined(LINES), []),
    "a line of another session": (joined([*LINES[:3], LINES[3].replace(SID.encode(), b"zzzzzz"), *LINES[4:]]), [4]),
    "a whole line of a wrong shape": (
        joined([*LINES[:3], wire.stamp(b'{"event":"turn.start","sid":"abcdef","turn":7}', 4, "", "p", 4), *LINES[4:]]),
        [4],
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_session_is_repaired_and_goes_on(tmp_path: Path, name: str) -> None:
    content, lost = DAMAGES[name]

    async def story(house: House) -> None:
        refused = await ask(house)
        assert refused.error is not None
        assert f"opta sessions repair {SID}" in refused.error.message
        reply = await house.client.repair(SID, is_wanted=False)
        assert (reply.damaged, reply.applied, reply.copy) == (True, False, "")
        assert file_of(tmp_path).read_bytes() == content
        done = await house.client.repair(SID, is_wanted=True)
        assert (done.applied, done.kept, done.lostSeqs) == (True, len(LINES) - len(lost), lost)
        assert (reply.kept, reply.lost, reply.droppedLines) == (done.kept, done.lost, done.droppedLines)
        assert done.dropped == len(done.droppedLines)
        assert (tmp_path / "sessions" / done.copy).read_bytes() == content
        lines = await house.client.all_after(SID, 0)
        assert all(wire.is_whole(line) for line in lines)
        assert [wire.read_header(line).seq for line in lines] == list(range(1, len(LINES) + 2))
        assert [line for seq, line in enumerate(lines[: len(LINES)], 1) if seq not in lost] == [
            line for seq, line in enumerate(LINES, 1) if seq not in lost
        ]
        assert all(b"journal_line_lost" in lines[seq - 1] for seq in lost)
        assert b"journal_repaired" in lines[-1] and done.copy.encode() in lines[-1]
        # Never a turn's name twice, even when the start of one was lost.
        assert (await house.gateway.written(prompt(SID, "on"))).turn == "t4"
        again = await house.client.repair(SID, is_wanted=True)
        assert (again.damaged, again.applied) == (False, False)

    play(tmp_path, story, content)
    # And so after a restart.
    play(tmp_path, lambda house: house.client.session(SID))


def test_a_repair_that_is_asked_for_again_is_done_once(tmp_path: Path) -> None:
    content = DAMAGES["a hole"][0]

    async def story(house: House) -> None:
        found = await asyncio.gather(*(house.client.repair(SID, is_wanted=True) for _ in range(3)), return_exceptions=True)
        reports = [report for report in found if isinstance(report, Repair)]
        assert sum(report.applied for report in reports) >= 1
        assert (tmp_path / "sessions" / f"{SID}.damaged-1").read_bytes() == content
        assert (await ask(house)).turn == "t4"

    play(tmp_path, story, content)


def test_a_session_without_its_beginning_is_left_alone_and_says_why(tmp_path: Path) -> None:
    content = joined([GARBAGE, *LINES[1:]])

    async def story(house: House) -> None:
        with pytest.raises(OptaError, match="first line"):
            await house.client.repair(SID, is_wanted=True)
        assert file_of(tmp_path).read_bytes() == content
        assert [file.name for file in (tmp_path / "sessions").glob("*damaged*")] == []

    play(tmp_path, story, content)


def test_a_whole_session_and_an_unknown_one(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        reply = await house.client.repair(SID, is_wanted=True)
        assert (reply.damaged, reply.applied, reply.kept) == (False, False, len(LINES))
        with pytest.raises(OptaError, match="no session"):
            await house.client.repair("zzzzzz", is_wanted=True)

    play(tmp_path, story, joined(LINES))


def test_whatever_bytes_are_damaged_the_rest_stays(tmp_path: Path) -> None:
    chance = random.Random(3)
    for number in range(40):
        damaged = bytearray(joined(LINES))
        first = len(LINES[0]) + 1
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(first, len(damaged))
            match chance.choice(["flip", "zero", "cut", "insert"]):
                case "flip":
                    damaged[at] ^= 1 << chance.randrange(8)
                case "zero":
                    damaged[at : at + 50] = bytes(len(damaged[at : at + 50]))
                case "cut":
                    del damaged[at : at + chance.randrange(200)]
                case _:
                    damaged[at:at] = bytes(chance.randrange(256) for _ in range(20))
        whole = {seq for seq, line in enumerate(LINES, 1) if line in bytes(damaged).split(b"\n")}

        async def story(house: House, whole: set[int] = whole) -> None:
            reply = await house.client.repair(SID, is_wanted=True)
            lines = await house.client.all_after(SID, 0)
            assert [wire.read_header(line).seq for line in lines] == list(range(1, len(lines) + 1))
            if reply.damaged:
                assert {seq for seq in whole if lines[seq - 1] == LINES[seq - 1]} == whole
            assert (await ask(house)).turn

        folder = tmp_path / str(number)
        folder.mkdir()
        play(folder, story, bytes(damaged))
