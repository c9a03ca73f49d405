"""All tasks of the exam, and the choice of some of them."""

from collections.abc import Collection

from opta_core.errors import Refused

from .exam_task import ExamTask
from .tasks.edit_tasks import EDIT_TASKS
from .tasks.find_tasks import FIND_TASKS
from .tasks.fix_tasks import FIX_TASKS
from .tasks.honesty_tasks import HONESTY_TASKS
from .tasks.parallel_tasks import PARALLEL_TASKS
from .tasks.recall_tasks import RECALL_TASKS
from .tasks.recovery_tasks import RECOVERY_TASKS
from .tasks.refusal_tasks import REFUSAL_TASKS
from .tasks.rename_tasks import RENAME_TASKS
from .tasks.shell_tasks import SHELL_TASKS
from .tasks.structured_tasks import STRUCTURED_TASKS
from .tasks.write_tasks import WRITE_TASKS

TASKS: tuple[ExamTask, ...] = (
    *FIND_TASKS,
    *EDIT_TASKS,
    *WRITE_TASKS,
    *RENAME_TASKS,
    *FIX_TASKS,
    *SHELL_TASKS,
    *REFUSAL_TASKS,
    *RECALL_TASKS,
    *STRUCTURED_TASKS,
    *PARALLEL_TASKS,
    *RECOVERY_TASKS,
    *HONESTY_TASKS,
)
KINDS: tuple[str, ...] = tuple(dict.fromkeys(task.kind for task in TASKS))


def choose(only: Collection[str] = (), count: int = 0) -> list[ExamTask]:
    """The tasks of some kinds (all when empty), at most `count` of them (0: all), in turn from each kind. Raises Refused."""
    if unknown := next((kind for kind in only if kind not in KINDS), ""):
        raise Refused(f"There is no kind {unknown[:40]!r} of task; the kinds are {', '.join(KINDS)}.")
    if count < 0:
        raise Refused("--tasks takes the number of tasks, 1 or more.")
    wanted = [task for task in TASKS if not only or task.kind in only]
    if not count or count >= len(wanted):
        return wanted
    by_kind = {kind: [task.id for task in wanted if task.kind == kind] for kind in KINDS}
    turns = sorted(wanted, key=lambda task: (by_kind[task.kind].index(task.id), KINDS.index(task.kind)))
    chosen = {task.id for task in turns[:count]}
    return [task for task in wanted if task.id in chosen]
