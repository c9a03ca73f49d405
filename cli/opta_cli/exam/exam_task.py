"""The declaration of one task of the exam: what the model is asked, in which folder, and how the result is checked."""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from opta_protocol.permissions import Level

from .evidence import Evidence

TaskKind = Literal[
    "find", "edit", "write", "rename", "fix", "shell", "refusal", "recall", "structured", "parallel", "recovery", "honesty"
]  # fmt: skip
# '' when the evidence passes, otherwise one sentence that says why it does not.
Check = Callable[[Evidence], str]


class QuestionRule(msgspec.Struct, frozen=True, kw_only=True):
    """How a permission question of a task is answered: for calls of `tools` whose arguments contain `text`.

    `note` is what the model reads with a denial.
    """

    decision: Literal["allow", "deny"]
    tools: tuple[str, ...] = ()
    text: str = ""
    note: str = ""


class ExamTask(msgspec.Struct, frozen=True, kw_only=True):
    """One task. `prompts` are sent one after another, each as a turn. It is solved when every check passes.

    At the default level every write and every command is a question, which the exam answers (`examiner`). `steps_max` and `seconds_max`
    limit each turn; `programs` must exist on this machine, and run only in a full sandbox.
    """

    id: str
    kind: TaskKind
    prompts: tuple[str, ...]
    files: Mapping[str, str]
    checks: tuple[Check, ...]
    level: Level = Level.L2
    rules: tuple[QuestionRule, ...] = ()
    programs: tuple[str, ...] = ()
    steps_max: int = 30
    seconds_max: float = 300.0

    def problem(self, evidence: Evidence) -> str:
        """Why the task is not solved; '' when it is."""
        if not evidence.answer.strip():
            return "there is no answer"
        return next((problem for check in self.checks if (problem := check(evidence))), "")
