"""opta sessions search: words in prompts, answers, commands and results of all sessions. It reads the journals, and needs no daemon."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from opta_core.errors import Refused
from opta_core.journal_list import journals

from ..exit_codes import ExitCode
from ..journal_files import lines, title_of
from ..local_time import local
from ..pager import page_lines
from ..plain_text import plain_json
from ..progress_bars import Bar

AROUND_CHARS = 60


class Passage(NamedTuple):
    """A text of a session in which all words are. `kind`: prompt, answer, call, result or error."""

    sid: str
    title: str
    turn: str
    ts: str
    kind: str
    text: str


def search(loaded: Any, args: argparse.Namespace) -> int:
    """opta sessions search WORDS"""
    words = [word.casefold() for word in args.words if word.strip()]
    if not words:
        raise Refused("There are no words to search for.")
    found: list[Passage] = []
    files = journals(loaded.paths, with_away=args.archived)
    bar = Bar("searching")
    for number, file in enumerate(files):
        bar.show(number, len(files))
        found += [passage for passage in passages(file) if all(word in passage.text.casefold() for word in words)]
        if len(found) >= args.limit:
            break
    bar.clear()
    _print(found[: args.limit], words, args)
    if len(found) >= args.limit:
        print(f"The first {args.limit} passages, of the sessions used last. More: --limit {min(1000, args.limit * 4)}", file=sys.stderr)
    return ExitCode.done if found else ExitCode.failed


def passages(file: Path) -> Iterator[Passage]:
    """The texts of a session, answers joined from their pieces."""
    title, turn, ts, answer = title_of(file), "", "", list[str]()

    def ended() -> Iterator[Passage]:
        if answer:
            yield Passage(file.stem, title, turn, ts, "answer", "".join(answer))
            answer.clear()

    for line in lines(file):
        if line.event == "turn.token":
            answer.append(line.delta)
            turn, ts = line.turn, line.ts
            continue
        if line.event == "step.start" and line.attempt > 1:
            answer[:] = ["".join(answer)[: line.keptChars]]
            continue
        yield from ended()
        title = line.title or title
        match line.event:
            case "turn.start" | "turn.steer":
                yield Passage(file.stem, title, line.turn, line.ts, "prompt", line.text)
            case "tool.call":
                yield Passage(file.stem, title, line.turn, line.ts, "call", f"{line.name} {msgspec.json.encode(line.args).decode()}")
            case "tool.result":
                yield Passage(file.stem, title, line.turn, line.ts, "result", line.content)
            case "turn.error":
                yield Passage(file.stem, title, line.turn, line.ts, "error", line.message)
            case _:
                pass
    yield from ended()


def _print(found: list[Passage], words: list[str], args: argparse.Namespace) -> None:
    if args.json:
        rows = [passage._asdict() for passage in found]
        print(plain_json(msgspec.json.encode({"passages": rows})).decode())
        return
    head, rows = "", list[str]()
    for passage in found:
        if passage.sid != head:
            head = passage.sid
            rows.append(f"s-{passage.sid}  {local(passage.ts)}  {passage.title[:80]}")
        rows.append(f"  {passage.turn or '-':4} {passage.kind:7} {_around(passage.text, words[0])}")
    page_lines(rows)
    if not found:
        print(f"No session has {' and '.join(map(repr, args.words))} in one text.", file=sys.stderr)


def _around(text: str, word: str) -> str:
    """The words around a found word, on one line."""
    flat = " ".join(text.split())
    at = max(0, flat.casefold().find(word))
    begin, end = max(0, at - AROUND_CHARS), at + len(word) + AROUND_CHARS
    return ("…" if begin else "") + flat[begin:end] + ("…" if end < len(flat) else "")
