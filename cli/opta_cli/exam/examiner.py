"""Answers the permission questions of an exam, unattended: first as the task says, otherwise by what is harmless in its folder.

**Invariant:** a command is allowed only when the full sandbox holds it without network and it does not run on in the background, where
it would outlive its task. Of what the built-in rules ask about, only the loss of files is allowed, because the folder is thrown away;
anything else (credentials, control files, other folders) only when the task says so.
"""

import json
import re

from opta_core.policy.path_names import is_secret
from opta_protocol.events import PermissionRequest
from opta_protocol.tools.declared import find
from opta_protocol.tools.shell import RUN_COMMAND

from .exam_task import QuestionRule

NOBODY = "Nobody can allow this during an exam. Do the task without it."
# Beginnings of what built-in rules say of commands that lose files. A reason that is not known here is denied.
_LOSSES = re.compile(r"rewrites files in place|\breplaces [^ ]|\brm deletes")
_WORDS = re.compile(r"[^\s'\"=:;|&<>()]+")


def answer_question(rules: tuple[QuestionRule, ...], asked: PermissionRequest) -> QuestionRule:
    """The answer to a question: the first rule of the task that fits, otherwise the default."""
    text = " ".join(value if isinstance(value, str) else json.dumps(value, default=str) for value in asked.args.values())
    for rule in rules:
        if (not rule.tools or asked.name in rule.tools) and rule.text in text and (rule.decision == "deny" or _is_held(asked)):
            return rule
    if _is_held(asked) and (asked.layer != "hard" or _only_loses_files(asked, text)):
        return QuestionRule(decision="allow")
    return QuestionRule(decision="deny", note=NOBODY)


def _only_loses_files(asked: PermissionRequest, text: str) -> bool:
    """Whether a built-in rule asks because of files of the task, and nothing else in the command gives a reason to."""
    is_loss = asked.name == RUN_COMMAND.name and _LOSSES.search(asked.rule) is not None
    return is_loss and "~" not in text and not any(is_secret(word) for word in _WORDS.findall(text))


def _is_held(asked: PermissionRequest) -> bool:
    """Whether a call can reach nothing but the folder of the task."""
    if asked.name == RUN_COMMAND.name:
        where = asked.execution
        return where is not None and where.sandbox == "full" and where.network == "off" and not where.background
    tool = find(asked.name)
    # The worker refuses paths outside of the workspace.
    return tool is not None and tool.kind in ("read", "search", "write", "plan")
