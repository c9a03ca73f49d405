"""Reads the arguments of a tool call and corrects them by the tool's schema, wherever there is exactly one reading."""

import json
import re
from typing import Any, cast

from . import tolerant_json
from .tolerant_json import TooDeep, Unreadable

# Fields in which models explain a call; no tool of ours takes one, and leaving them out changes nothing.
COMMENTS = frozenset(
    {
        *("description", "explanation", "reason", "reasoning", "thought", "thoughts", "purpose", "intent", "rationale", "comment", "note"),
        *("summary", "title", "justification", "security_risk", "is_dangerous", "requires_approval", "safetoautorun"),
    }
)
# What models that were trained on other tools call these fields.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "path": (
        *("file_path", "filepath", "file", "filename", "file_name", "target_file", "absolute_path", "relative_path", "directory"),
        *("dir", "folder", "dir_path", "directory_path", "relative_workspace_path", "target_directory", "notebook_path", "uri"),
    ),
    "old": ("old_string", "old_str", "old_text", "oldtext", "oldstring", "search", "find", "original", "before", "old_content", "from"),
    "new": ("new_string", "new_str", "new_text", "newtext", "newstring", "replace", "replacement", "after", "new_content", "to"),
    "all": ("replace_all", "global", "replaceall", "allow_multiple"),
    "command": ("cmd", "script", "shell_command", "command_line", "commandline", "bash_command", "code", "input"),
    "content": ("contents", "text", "file_text", "new_content", "data", "body", "code", "file_content", "code_edit"),
    "pattern": ("query", "regex", "search", "regexp", "expression", "glob", "glob_pattern", "search_term", "keyword", "q", "needle"),
    "glob": ("include", "include_pattern", "file_pattern", "files", "filter"),
    "ignore_case": ("case_insensitive", "i", "-i", "insensitive"),
    "start_line": ("start", "line_start", "from_line", "first_line", "begin_line", "start_line_one_indexed", "line"),
    "end_line": ("end", "line_end", "to_line", "last_line", "end_line_one_indexed"),
    "cwd": ("workdir", "working_directory", "working_dir", "directory", "dir", "path"),
    "timeout_s": ("timeout", "timeout_seconds", "timeout_sec"),
    "background": ("run_in_background", "is_background", "in_background", "isbackground"),
    "edits": ("changes", "replacements", "operations"),
    "items": ("todos", "plan", "steps", "tasks"),
    "id": ("command_id", "bash_id", "shell_id", "task_id", "session_id"),
    "state": ("status",),
}
# The words of other agents' lists for the states of a plan's items.
_WORDS = {
    "pending": "open",
    "todo": "open",
    "notstarted": "open",
    "inprogress": "doing",
    "active": "doing",
    "completed": "done",
    "complete": "done",
    "finished": "done",
}
_WRAPPERS = ("arguments", "parameters", "args", "input", "params", "kwargs")


class UnreadableArguments(ValueError):
    """The arguments have no or more than one reading; the message is for the model."""


def read(text: str) -> dict[str, Any]:
    """The arguments that a model wrote: an object, {} for nothing. Raises UnreadableArguments, and TooDeep for brackets in brackets without end."""
    stripped = _without_tokens(text).strip()
    found: Any
    if not stripped or stripped in ("null", "None", "{}", '""', "[]"):
        return {}
    try:
        found = tolerant_json.read(stripped)
        # Encoded twice, or more often.
        for _ in range(3):
            if not isinstance(found, str):
                break
            found = tolerant_json.read(found) if found.strip() else {}
    except TooDeep:
        raise
    except Unreadable as error:
        raise UnreadableArguments(f"the arguments are not JSON ({error})") from None
    if found is None:
        return {}
    if isinstance(found, list) and len(cast("list[Any]", found)) == 1:
        found = cast("list[Any]", found)[0]
    if not isinstance(found, dict):
        raise UnreadableArguments(f"the arguments are no JSON object, but {stripped[:40]!r}")
    return cast("dict[str, Any]", found)


def fit(arguments: dict[str, Any], schema: dict[str, Any], *, drops_unknown: bool = False) -> dict[str, Any]:
    """Arguments with the names and types of `schema`, where the meaning is clear; what is not clear stays as it is.

    `drops_unknown`: fields that the schema does not know are left out (for tools that only read); otherwise only comments are.
    """
    return _fields(_unwrapped(arguments, schema), schema, drops_unknown)


def example(schema: dict[str, Any]) -> str:
    """The form of a tool's arguments with its required fields, as JSON: `{"path": "..."}`."""
    properties = _object(schema.get("properties"))
    required = [str(name) for name in _list(schema.get("required"))] or list(properties)[:1]
    return json.dumps({name: _example(_object(properties.get(name))) for name in required}, ensure_ascii=False)


def _example(schema: dict[str, Any]) -> Any:
    kind = _kind(schema)
    if choices := _list(schema.get("enum")):
        return choices[0]
    if kind == "array":
        return [_example(_object(schema.get("items")))]
    if kind == "object":
        properties = _object(schema.get("properties"))
        return {str(name): _example(_object(properties.get(str(name)))) for name in _list(schema.get("required"))}
    return {"integer": 1, "number": 1, "boolean": False}.get(kind, "...")


_TOKEN = re.compile(r"^\s*(?:<\|[\w▁ ]+\|>|<｜[\w▁]+｜>)+|(?:<\|[\w▁ ]+\|>|<｜[\w▁]+｜>|</s>|</tool_call>|</function>)+\s*$")


def _without_tokens(text: str) -> str:
    """A text without special tokens before and after it."""
    return _TOKEN.sub("", text)


def _unwrapped(arguments: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """`{"arguments": {…}}` of a tool that has no such field is what stands inside; so is `{"name": …, "arguments": {…}}`."""
    properties = _object(schema.get("properties"))
    for wrapper in _WRAPPERS if properties else ():
        others = set(arguments) - {wrapper, "name", "tool", "function", "type", "id"}
        if wrapper in arguments and wrapper not in properties and not others:
            inner = arguments[wrapper]
            if isinstance(inner, str):
                try:
                    inner = read(inner)
                except UnreadableArguments:
                    return arguments
            if isinstance(inner, dict):
                return cast("dict[str, Any]", inner)
    return arguments


def _fields(given: dict[str, Any], schema: dict[str, Any], drops_unknown: bool) -> dict[str, Any]:
    properties = _object(schema.get("properties"))
    if not properties:
        return given
    required = [str(name) for name in _list(schema.get("required"))]
    found: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in given.items():
        if name in properties:
            found[name] = value
        else:
            unknown[name] = value
    is_closed = schema.get("additionalProperties") is False
    for name, value in unknown.items():
        if target := _meant(name, properties, found, required):
            found[target] = value
        elif not is_closed or not (drops_unknown or _plain(name) in COMMENTS or value is None):
            found[name] = value
    fitted: dict[str, Any] = {}
    for name, value in found.items():
        part = _object(properties.get(name))
        typed = typed_value(value, part)
        # To a tool, null is the same as a missing optional argument, and so is the word for it.
        is_absent = typed is None or (typed in ("null", "None", "undefined", "") and _kind(part) not in ("string", ""))
        if is_absent and name in properties and name not in required and not _takes_null(part):
            continue
        fitted[name] = typed
    return fitted


def _meant(name: str, properties: dict[str, Any], found: dict[str, Any], required: list[str]) -> str:
    """The declared field that an unknown one stands for; '' when none or more than one may be meant."""
    given = _plain(name)
    spelled = [field for field in properties if field not in found and _plain(field) == given]
    if len(spelled) == 1:
        return spelled[0]
    meant = [field for field in properties if field not in found and given in map(_plain, _SYNONYMS.get(field, ()))]
    # A field that has to be there is meant rather than one that may be left out.
    needed = [field for field in meant if field in required]
    return meant[0] if len(meant) == 1 else needed[0] if len(needed) == 1 else ""


def typed_value(value: Any, schema: dict[str, Any]) -> Any:
    """A value converted to the type of its schema when both mean the same; otherwise unchanged."""
    kind = _kind(schema)
    if isinstance(value, str):
        return _typed_text(value, kind, schema)
    if kind == "string" and isinstance(value, bool | int | float):
        return json.dumps(value)
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind == "boolean" and isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, list):
        return [typed_value(entry, _object(schema.get("items"))) for entry in cast("list[Any]", value)]
    if kind == "array" and value is not None:
        return [typed_value(value, _object(schema.get("items")))]
    if isinstance(value, dict) and kind in ("object", ""):
        return _fields(cast("dict[str, Any]", value), schema, False)
    return cast("Any", value)


def _typed_text(text: str, kind: str, schema: dict[str, Any]) -> Any:
    word = text.strip()
    if kind in ("integer", "number") and re.fullmatch(r"-?\d{1,15}", word):
        return int(word)
    if kind in ("integer", "number") and re.fullmatch(r"-?\d{1,15}\.\d{1,15}", word):
        number = float(word)
        return int(number) if number.is_integer() and kind == "integer" else number
    if kind == "boolean" and word.lower() in ("true", "false", "yes", "no", "1", "0"):
        return word.lower() in ("true", "yes", "1")
    if kind in ("object", "array"):
        try:
            found = tolerant_json.read(word)
        except Unreadable:
            found = None
        if isinstance(found, dict if kind == "object" else list):
            return typed_value(found, schema)
        if kind == "array":
            return [typed_value(text, _object(schema.get("items")))]
    if (choices := _list(schema.get("enum"))) and text not in choices:
        wanted = _WORDS.get(_plain(word), word.lower())
        alike = [choice for choice in choices if isinstance(choice, str) and choice.lower() == wanted]
        return alike[0] if len(alike) == 1 else text
    return text


def _kind(schema: dict[str, Any]) -> str:
    kinds = schema.get("type")
    found = [kind for kind in (_list(kinds) or [kinds]) if kind not in (None, "null")]
    if not found:
        options = [_kind(_object(option)) for option in _list(schema.get("anyOf")) or _list(schema.get("oneOf"))]
        found = [kind for kind in options if kind]
    # Of several types none is more right than the others.
    return str(found[0]) if len(set(map(str, found))) == 1 else ""


def _takes_null(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type")
    return "null" in (_list(kinds) or [kinds]) or any(_takes_null(_object(option)) for option in _list(schema.get("anyOf")))


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace("_", "") or name


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
