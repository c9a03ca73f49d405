"""The instructions of a workspace's folders (AGENTS.md, else CLAUDE.md) in a session's prompts.

Those of the workspace itself come with the first message, those of a folder below with the first result about a file in it. Each is
an event of the turn, and comes again only when it changed, or when a summary took its place. In a folder that the user trusts they are
instructions, in any other they are data.
"""

import hashlib
from collections.abc import Iterable

from opta_core.policy.actions import relative_to
from opta_core.transcript import Injected
from opta_core.untrusted_text import has_hidden
from opta_protocol.commands import ShownText, WantedText
from opta_protocol.tools import declared

from . import framed_text
from .framed_text import CHARS_A_TOKEN
from .injected_files import KnownFile, folder_of
from .turn_run import TurnRun

# Of one file a model reads an eighth of its context and at most so much; of all files together a quarter.
FILE_SHARE, FILE_CHARS_MAX = 1 / 8, 16_000
ALL_SHARE = 1 / 4
FILE_CHARS_MIN = 400
# Context assumed for a model that does not tell its own.
LIMIT_UNKNOWN = 16_384
# Folders of one step that are looked at, the nearest to the workspace first.
FOLDERS_MAX = 24
_GONE = "gone"
_REST = "Read the rest with read_file."


async def add_at_start(run: TurnRun, *, has_instructions: bool) -> None:
    """Before a turn's first request: the workspace's own, and those that changed or gave way to a summary since the last turn.

    `has_instructions`: whether the workspace may have a file of such a name.
    """
    known = run.session.injected.readable(run.session.transcript, run.turn_now())
    lost = run.session.injected.summarised(run.session.transcript, run.turn_now())
    await _add(run, [*([""] if has_instructions else []), *known, *lost], step=0)


async def add_touched(run: TurnRun, step: int) -> None:
    """Behind the results of a step: those of folders in which it read or changed a file, and which the model has not read yet."""
    transcript = run.session.transcript
    found = next((each for each in run.turn_now().steps if each.step == step), None)
    folders: dict[str, None] = {}
    for call in found.calls if found is not None else []:
        tool, path = declared.find(call.name), call.args.get("path")
        if call.state == "ok" and tool is not None and tool.kind in ("read", "write") and isinstance(path, str):
            folders.update(dict.fromkeys(_folders_above(relative_to(transcript.cwd, path) or "")))
    known = run.session.injected.readable(transcript, run.turn_now())
    await _add(run, [folder for folder in folders if folder not in known], step=step)


async def add_referenced(run: TurnRun, paths: list[str]) -> None:
    """With the message: those of the folders of what the message refers to."""
    known = run.session.injected.readable(run.session.transcript, run.turn_now())
    folders = dict.fromkeys(folder for path in paths for folder in _folders_above(path))
    await _add(run, [folder for folder in folders if folder not in known], step=0)


async def add_again(run: TurnRun) -> None:
    """After older turns gave way to a summary: the instructions that they held, behind what the model read last."""
    lost = run.session.injected.summarised(run.session.transcript, run.turn_now())
    step = max((each.step for each in run.turn_now().steps if each.calls and each.step < run.step), default=0)
    await _add(run, lost, step=step)


async def _add(run: TurnRun, folders: Iterable[str], *, step: int) -> None:
    wanted = list(dict.fromkeys(folders))[:FOLDERS_MAX]
    texts = run.collaborators.texts
    if texts is None or not wanted:
        return
    try:
        shown = await texts.show(run.session, [WantedText(kind="instructions", paths=[folder]) for folder in wanted])
    except TimeoutError:
        run.warn_once("context_files", "The tool worker does not answer, so AGENTS.md was not looked at in this turn.")
        return
    known = run.session.injected.readable(run.session.transcript, run.turn_now())
    if not any(text.path for text in shown) and not known:
        return
    is_trusted = await texts.is_trusted(run.session)
    for folder, text in zip(wanted, shown, strict=True):
        if text.path and not text.problem and await texts.refusal(run.session, run.turn, text.path):
            text = ShownText()
        readable = {file.edition for file in run.session.injected.readable(run.session.transcript, run.turn_now()).values()}
        if (part := _part(run, text, known.get(folder), readable=readable, is_trusted=is_trusted, step=step)) is not None:
            run.inject(part)


def _part(run: TurnRun, text: ShownText, known: KnownFile | None, *, readable: set[str], is_trusted: bool, step: int) -> Injected | None:
    """What the model must read about the instructions of a folder; None when its prompt holds that already."""
    if not text.path:
        if known is None or known.edition == _GONE:
            return None
        return Injected(source=known.source, text=framed_text.gone(known.source), step=step, edition=_GONE)
    edition = hashlib.sha256(f"{is_trusted}\0{text.problem}\0{text.text}".encode()).hexdigest()[:16]
    # A folder may have a link or a copy of what another has.
    if edition in readable:
        return None
    if text.problem:
        run.warn_once("context_files", f"{text.path} is not used: {text.problem}.")
        return Injected(source=text.path, text="", step=step, edition=edition)
    if not is_trusted:
        run.warn_once(
            "context_files",
            f"{text.path} is shown to the model as data, because you have not trusted this folder. `opta policy trust` makes it instructions.",
        )
    elif has_hidden(text.text):
        run.warn_once("context_files", f"{text.path} holds characters that are not shown; they were left out.")
    return Injected(source=text.path, text=_framed(run, text, is_trusted=is_trusted), step=step, edition=edition)


def _framed(run: TurnRun, text: ShownText, *, is_trusted: bool) -> str:
    window = (run.route.context_limit or LIMIT_UNKNOWN) * CHARS_A_TOKEN
    readable = run.session.injected.readable(run.session.transcript, run.turn_now())
    left = int(window * ALL_SHARE) - sum(file.chars for folder, file in readable.items() if folder != folder_of(text.path))
    chars = min(FILE_CHARS_MAX, max(FILE_CHARS_MIN, int(window * FILE_SHARE)))
    if left < min(len(text.text), FILE_CHARS_MIN):
        return framed_text.left_out(text.path, text.size)
    content = framed_text.cut(text.text, min(chars, left), _REST)
    if content == text.text and not text.is_whole:
        content += f"\n[Cut here: the file has {text.size} bytes. {_REST}]"
    if content != text.text:
        run.warn_once(
            "context_files", f"{text.path} has {text.size} bytes; the model was given the first {min(chars, left, len(text.text))}."
        )
    return framed_text.instructions(text.path, content) if is_trusted else framed_text.untrusted(text.path, content)


def _folders_above(path: str) -> list[str]:
    """The folders between the workspace and a file in it, the outermost first; not the workspace itself."""
    names = path.split("/")[:-1]
    return ["/".join(names[: depth + 1]) for depth in range(len(names))]
