"""`@path` in a user's message: a file, lines of it (`@a.py:10-20`) or a folder goes with the message.

Only what exists in the workspace is a reference; every other word with an @ stays text. A path is read by the rules of read_file, except
that nobody is asked: what would need a question is refused, and both the user and the model read why.
"""

import re
from dataclasses import dataclass

from opta_core.policy.actions import relative_to
from opta_core.transcript import Injected
from opta_protocol.commands import ShownText, WantedText

from . import framed_text
from .framed_text import CHARS_A_TOKEN
from .turn_run import TurnRun

REFERENCES_MAX = 20
# Of the model's context: one reference, and all of a message. A model that does not tell its context reads what read_file answers.
FILE_SHARE, ALL_SHARE = 1 / 6, 1 / 3
FILE_CHARS_UNKNOWN, ALL_CHARS_UNKNOWN = 64 * 1024, 128 * 1024
CHARS_MIN = 400
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`", re.DOTALL)
# Not behind a letter, as in an e-mail address, nor within a path or another @.
_WRITTEN = re.compile(
    r"(?<![A-Za-z0-9_@/.\\+-])@(?:\"(?P<double>[^\"\n]+)\"|'(?P<single>[^'\n]+)'|(?P<bare>(?:\\ |[^\s\"'`<>|*])+))"
    r"(?P<lines>:\d{1,9}(?:-\d{1,9})?|#L\d{1,9}(?:-L?\d{1,9})?)?"
)
_LINES = re.compile(r"(?P<path>.+?)(?P<lines>:\d{1,9}(?:-\d{1,9})?(?=(?::\d{1,9})?\Z)|#L\d{1,9}(?:-L?\d{1,9})?\Z)")
# What ends a sentence or closes a bracket behind a path, also in scripts without spaces.
_BEHIND = ".,;:!?)]}…»”’。，、；：！？）】」』"
_SENTENCE = re.compile(r"[。，、；：！？（）【】「」『』]")
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_REST = "Read the rest with read_file, start_line and end_line."


@dataclass(frozen=True)
class Reference:
    """A word with an @: the paths that it may mean, the likeliest first, and its lines (from 1, both included)."""

    paths: tuple[str, ...]
    first: int | None = None
    last: int | None = None

    def source(self, path: str) -> str:
        """How the text of one of its paths is named."""
        return path if self.first is None else f"{path}:{self.first}" + (f"-{self.last}" if self.last != self.first else "")


def find(text: str) -> list[Reference]:
    """What a message may refer to, once each, in its order. Code is not looked at."""
    spoken = _CODE.sub(lambda found: " " * len(found.group()), text)
    references = dict.fromkeys(_reference(found) for found in _WRITTEN.finditer(spoken))
    return [each for each in references if each.paths]


def _reference(found: re.Match[str]) -> Reference:
    quoted = found["double"] or found["single"]
    if quoted:
        return Reference((quoted,), *_lines(found["lines"] or ""))
    word = found["bare"].replace("\\ ", " ")
    ended = word.rstrip(_BEHIND)
    phrase = _SENTENCE.split(ended, maxsplit=1)[0]
    for meant in (ended, phrase):
        if (ranged := _LINES.match(meant)) is not None:
            return Reference(_meanings(ranged["path"]), *_lines(ranged["lines"]))
    return Reference(_meanings(word, ended, phrase))


def _meanings(*paths: str) -> tuple[str, ...]:
    # Elsewhere `@/a` is written for a file of the workspace.
    meanings = dict.fromkeys(meaning for path in paths for meaning in (path, path.lstrip("/")))
    return tuple(meaning for meaning in meanings if meaning in (".", "./") or any(map(str.isalnum, meaning)))


def _lines(written: str) -> tuple[int | None, int | None]:
    numbers = sorted(max(1, int(number)) for number in re.findall(r"\d+", written))
    return (numbers[0], numbers[-1]) if numbers else (None, None)


async def add(run: TurnRun) -> list[str]:
    """Add to a turn's message what it refers to. What a former agent stored stays. The paths of what was read, of a folder with a slash."""
    texts, turn = run.collaborators.texts, run.turn_now()
    references = find(turn.text)
    if texts is None or not references:
        return []
    if len(references) > REFERENCES_MAX:
        run.warn_once("references", f"Only the first {REFERENCES_MAX} of {len(references)} words with an @ were looked at.")
        references = references[:REFERENCES_MAX]
    wanted = [WantedText(kind="reference", paths=list(each.paths), first=each.first, last=each.last) for each in references]
    try:
        shown = await texts.show(run.session, wanted)
    except TimeoutError:
        run.warn_once("references", "The tool worker does not answer, so nothing that your message names with @ was added to it.")
        return []
    left = _chars(run, ALL_SHARE, ALL_CHARS_UNKNOWN)
    read: list[str] = []
    for reference, text in zip(references, shown, strict=True):
        if not text.path:
            continue
        source = reference.source(text.path)
        if rule := await texts.refusal(run.session, turn, text.path, is_folder=text.is_folder):
            text = ShownText(path=text.path, problem=f"{rule}; read_file and list_dir ask you, where that is allowed")
        if not text.problem:
            inside = relative_to(run.session.transcript.cwd, text.path) or ""
            read.append(f"{inside}/" if text.is_folder else inside)
        if stored := next((part for part in turn.injected if part.source == source and not part.edition), None):
            left -= len(stored.text)
            continue
        if text.problem:
            attach = " Attach it instead (--attach)." if text.path.lower().endswith(_PICTURES) else ""
            run.warn_once("references", f"@{text.path} was not added to your message: {text.problem}.{attach}")
        most = max(CHARS_MIN, min(_chars(run, FILE_SHARE, FILE_CHARS_UNKNOWN), left))
        if len(text.text) > most:
            run.warn_once("references", f"@{source} is long; the model was given the first {most} of its {len(text.text)} characters.")
        framed = _framed(reference, text, most)
        left -= len(framed)
        run.inject(Injected(source=source, text=framed))
    return read


def _chars(run: TurnRun, share: float, unknown: int) -> int:
    return int(run.route.context_limit * CHARS_A_TOKEN * share) or unknown


def _framed(reference: Reference, text: ShownText, chars: int) -> str:
    kind = "folder" if text.is_folder else "file"
    content = f"(not added: {text.problem})" if text.problem else framed_text.cut(text.text, chars, _REST)
    return framed_text.attached(kind, reference.source(text.path), content)
