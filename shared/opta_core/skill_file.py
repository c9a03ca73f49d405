"""The head of a SKILL.md: YAML between two lines of ---, with a name and a description."""

import json
import re
from typing import Any, NamedTuple, cast

from .errors import Refused
from .policy import strict_yaml
from .policy.strict_yaml import YamlProblem

FILE_BYTES_MAX, HEAD_BYTES_MAX = 256 * 1024, 16 * 1024
NAME_CHARS_MAX, DESCRIPTION_CHARS_MAX = 64, 1024
# A value without quotes, in which people write ": " although YAML does not allow that; it may go on in indented lines.
_PLAIN = re.compile(r"^(?P<key>[A-Za-z][\w-]*):[ ]*(?:\n(?=[ ]))?[ ]*(?P<value>[^\"'\[{|>\s][^\n]*(?:\n[ ]+[^\n]*)*)$", re.MULTILINE)
_NAME = re.compile(r"[\w][\w .:+-]*\Z")


class SkillProblem(Refused):
    """Why a skill is not used, for people."""


class SkillHead(NamedTuple):
    """What a skill's head says. `is_listed`: whether models learn of it by themselves."""

    name: str
    description: str
    is_listed: bool


def read_head(content: bytes, folder: str) -> SkillHead:
    """The head of a file in a folder, whose name stands for a missing one. Raises SkillProblem."""
    try:
        text = content.decode().removeprefix("\ufeff").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise SkillProblem("its SKILL.md is not UTF-8 text") from None
    fields = _fields(_head(text))
    name = " ".join(str(fields.get("name") or folder).split())
    if len(name) > NAME_CHARS_MAX or not _NAME.match(name):
        raise SkillProblem(f"its name is {name[:80]!r}; it has letters, digits, spaces, - and _, at most {NAME_CHARS_MAX}")
    found = fields.get("description")
    if found is None or found == "":
        raise SkillProblem("its head has no description, by which a model would choose it")
    if not isinstance(found, str | int | bool):
        raise SkillProblem("its description is no text")
    description = " ".join(str(found).split())[:DESCRIPTION_CHARS_MAX]
    return SkillHead(name, description, fields.get("disable-model-invocation") is not True)


def _head(text: str) -> str:
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        raise SkillProblem("it has no head: its first line must be ---, followed by name and description")
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), 0)
    if not end:
        raise SkillProblem("its head begins with --- and does not end with ---")
    head = "\n".join(lines[1:end]).replace("\t", "  ")
    if len(head.encode()) > HEAD_BYTES_MAX:
        raise SkillProblem(f"its head is larger than {HEAD_BYTES_MAX} bytes")
    return head


def _fields(head: str) -> dict[str, Any]:
    try:
        found = _loaded(head)
    except YamlProblem as problem:
        try:
            found = _loaded(_PLAIN.sub(lambda line: f"{line['key']}: {json.dumps(' '.join(line['value'].split()))}", head))
        except YamlProblem:
            # The head begins in the second line of the file.
            raise SkillProblem(f"line {problem.line + 1}: its head is not valid YAML: {problem.message}") from None
    if not isinstance(found, dict):
        raise SkillProblem("its head holds no name and description")
    return cast("dict[str, Any]", found)


def _loaded(head: str) -> Any:
    return strict_yaml.load(head.encode())
