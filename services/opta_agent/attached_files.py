"""Files that were uploaded for a turn: texts go with the message, images are named in it, and sent to models that see (`images.py`)."""

import asyncio

from opta_core import image_file
from opta_core.attachments import is_image, title
from opta_core.transcript import Injected

from . import framed_text
from .framed_text import CHARS_A_TOKEN
from .turn_run import TurnRun

# Of the model's context: one text, and all of a message. A model that does not tell its context reads so much.
FILE_SHARE, ALL_SHARE = 1 / 6, 1 / 3
FILE_CHARS_UNKNOWN, ALL_CHARS_UNKNOWN = 64 * 1024, 128 * 1024
CHARS_MIN = 400
_REST = "The rest cannot be read: ask the user for the part that you need, or to put the file into the workspace."


async def add(run: TurnRun) -> None:
    """Add to a turn's message what was attached to it. What a former agent stored stays."""
    folder, turn = run.collaborators.attachments, run.turn_now()
    if folder is None:
        return
    left = int(run.route.context_limit * CHARS_A_TOKEN * ALL_SHARE) or ALL_CHARS_UNKNOWN
    unseen: list[str] = []
    for name in dict.fromkeys(turn.attachments):
        if stored := next((part for part in turn.injected if part.source == name), None):
            left -= len(stored.text)
            continue
        content = await asyncio.to_thread(folder.read, name)
        if content is None:
            run.warn_once("attachments", f"{title(name)} is not kept any more; attach it again.")
            text = f"[Attached, but not kept any more: {title(name)}.]"
        elif is_image(name):
            text = _named(name, content, is_seen=run.route.vision is not False)
            unseen += [title(name)] if run.route.vision is False else []
        else:
            most = int(run.route.context_limit * CHARS_A_TOKEN * FILE_SHARE) or FILE_CHARS_UNKNOWN
            whole = content.decode(errors="replace").removeprefix("\ufeff")
            shown = framed_text.cut(whole, max(CHARS_MIN, min(most, left)), _REST)
            if shown != whole:
                run.warn_once("attachments", f"{title(name)} is long; the model was given the beginning of its {len(whole)} characters.")
            text = framed_text.attached("file", title(name), shown)
        left -= len(text)
        run.inject(Injected(source=name, text=text))
    if unseen:
        run.warn_once(
            "images",
            f"{run.route.provider.name}/{run.route.model} cannot see images: {', '.join(unseen)} is only named to it. "
            "Choose a model that sees, and send your message again.",
        )


def _named(name: str, content: bytes, *, is_seen: bool) -> str:
    image = image_file.read(content)
    size = f", {image.width} x {image.height} pixels" if image else ""
    blind = "" if is_seen else ". It is not shown to you, because you cannot see images; tell the user"
    return f"[Attached image: {title(name)}{size}{blind}.]"
