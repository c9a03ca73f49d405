"""The list of skills in a session's prompts: names and one-line descriptions. A model reads a skill itself with read_file.

The list is an event of the turn, behind the user's message. It comes again when it changed, or when a summary took its place, so the
prompt up to it stays the same bytes. The tools are those of every session.
"""

import asyncio
import hashlib
from collections.abc import Callable

from opta_core import skills
from opta_core.paths import Paths
from opta_core.skills import Skill, SkillsFound
from opta_core.transcript import Injected

from . import framed_text
from .framed_text import CHARS_A_TOKEN
from .injected_files import SKILLS_SOURCE
from .instructions import LIMIT_UNKNOWN
from .turn_run import TurnRun

# Of the context, and at most so many characters; a description is cut before a skill is left out.
LIST_SHARE, LIST_CHARS_MIN, LIST_CHARS_MAX = 1 / 16, 700, 6_000
DESCRIPTION_CHARS_MAX, DESCRIPTION_CHARS_MIN = 300, 30
# The folders may be on a file system that hangs.
LOOK_S = 2.5
_HEAD = (
    "Instructions of the user for kinds of tasks. When one fits what you are asked, read its file with read_file first, and follow it. "
    "Files that it names lie beside it; its scripts are run with run_command."
)
_LEFT_OUT = "; list_dir names them."
_GONE = "There are no skills any more."


class SkillLooks:
    """Looks for the skills of folders. `find`: see `skills.find`; called in a thread."""

    def __init__(self, paths: Paths, find: Callable[[Paths, str], SkillsFound] = skills.find):
        self._paths, self._find = paths, find

    async def look(self, cwd: str) -> SkillsFound | None:
        """The skills for a folder; None when it does not answer in time."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._look, cwd), LOOK_S)
        except TimeoutError:
            return None

    def _look(self, cwd: str) -> SkillsFound:
        return self._find(self._paths, cwd) if skills.may_be_any(self._paths, cwd) else SkillsFound()


def add(run: TurnRun, found: SkillsFound | None, *, step: int = 0) -> None:
    """Behind the message (or the results of a step): the list, unless the prompt holds it already. None: what there is, is not known."""
    if found is None:
        run.warn_once("skills", "The folders of skills do not answer, so they were not looked at in this turn.")
        return
    known = run.session.injected.skills(run.session.transcript, run.turn_now())
    listed = [skill for skill in found.skills if skill.is_listed]
    if not listed and not known:
        _warn_first(run, found)
        return
    window = (run.route.context_limit or LIMIT_UNKNOWN) * CHARS_A_TOKEN
    text = _text(listed, int(min(LIST_CHARS_MAX, max(LIST_CHARS_MIN, window * LIST_SHARE)))) if listed else _GONE
    edition = hashlib.sha256(text.encode()).hexdigest()[:16]
    if edition == known:
        return
    if listed and known:
        text = f"This list takes the place of the one before.\n{text}"
    if found.problems:
        run.warn_once("skills", _problems(found))
    if (left_out := len(listed) - text.count("\n- ") + text.count(_LEFT_OUT)) > 0:
        run.warn_once("skills", f"{left_out} of {len(listed)} skills do not fit into this model's context and are not listed by name.")
    run.inject(Injected(source=SKILLS_SOURCE, text=framed_text.skills(text), step=step, edition=edition))


async def add_again(run: TurnRun) -> None:
    """After older turns gave way to a summary: the list that they held, behind what the model read last."""
    if run.collaborators.skills is None:
        return
    step = max((each.step for each in run.turn_now().steps if each.calls and each.step < run.step), default=0)
    add(run, await run.collaborators.skills.look(run.session.transcript.cwd), step=step)


def _warn_first(run: TurnRun, found: SkillsFound) -> None:
    # Once in a session, and not in each turn of one that has only bad ones.
    if found.problems and not run.session.history.size:
        run.warn_once("skills", _problems(found))


def _problems(found: SkillsFound) -> str:
    count = len(found.problems)
    more = f" and {count - 1} more" if count > 1 else ""
    return f"Not every skill is used: {found.problems[0]}{more}. `opta skills list` shows all of them."


def _text(listed: list[Skill], chars: int) -> str:
    """The head and a line for each skill, in about `chars` characters."""
    left = chars - len(_HEAD)
    fixed = [f"- {skill.name} ({skill.path}): " for skill in listed]
    count = len(listed)
    while count > 1 and sum(map(len, fixed[:count])) + count * (DESCRIPTION_CHARS_MIN + 1) > left:
        count -= 1
    each = (left - sum(map(len, fixed[:count]))) // count - 1
    each = max(DESCRIPTION_CHARS_MIN, min(DESCRIPTION_CHARS_MAX, each))
    lines = [f"{line}{_cut(skill.description, each)}" for line, skill in zip(fixed[:count], listed, strict=False)]
    if count < len(listed):
        folders = dict.fromkeys(skill.path.rsplit("/", 2)[0] for skill in listed[count:])
        lines.append(f"- {len(listed) - count} more skills are in {', '.join(folders)}{_LEFT_OUT}")
    return "\n".join([_HEAD, *lines])


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[: chars - 1].rstrip()}…"
