"""Makes text of others harmless in what a model reads: it can neither close nor imitate Opta's marks, nor hide characters.

Text that is data is quoted line by line, so that a part of it is recognised as data, too.
"""

import json
import re

# The tags of Opta's marks, and what chat templates turn into roles and ends of messages.
# Repetitions are possessive: a text of blanks must not take quadratic time.
_MARK = re.compile(r"<(?=\s*+/?\s*+(?:environment|project-instructions|untrusted-file|untrusted-page|attached|skills)\b)", re.IGNORECASE)
_TEMPLATE = re.compile(
    r"<(?=[|｜])|<(?=\s*+/?\s*+(?:s|bos|eos|start_of_turn|end_of_turn|start_of_role|end_of_role|system|assistant|user)\s*+>)"
    r"|<(?=</?\s*+SYS\s*+>>)|\[(?=/?\s*+(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\s*+\])",
    re.IGNORECASE,
)
# Characters that are not shown or that reorder text: instructions have been hidden in rule files with them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)


def has_hidden(text: str) -> bool:
    """Whether a text holds characters that are not shown."""
    return bool(_HIDDEN.search(text.replace("\r\n", "\n").removeprefix("\ufeff")))


def harmless(text: str) -> str:
    """A text without hidden characters, Opta's marks and the special tokens of chat templates."""
    shown = _HIDDEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
    return _TEMPLATE.sub(lambda found: "&lt;" if found.group() == "<" else "&#91;", without_marks(shown))


def without_marks(text: str) -> str:
    """A text in which Opta's marks are no marks."""
    return _MARK.sub("&lt;", text)


def quoted(text: str) -> str:
    """A harmless text as data: each line begins with `| `."""
    return "\n".join(f"| {line}".rstrip() for line in harmless(text).split("\n"))


def name_in_mark(name: str) -> str:
    """A name as an attribute of a mark, in quotes."""
    written = json.dumps(_HIDDEN.sub("", name), ensure_ascii=not name.isprintable())
    return written.replace("<", "\\u003c").replace(">", "\\u003e")
