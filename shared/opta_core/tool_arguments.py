"""What each tool takes: one declaration that the agent checks before it asks a person, and the tool-worker before it acts.

An MCP tool declares its arguments as a JSON schema. Only the part that says which fields there are and of
which type is judged here; patterns and formats are left to the server, because a hostile pattern can take for ever.
"""

from typing import Annotated, Any, TypeVar, cast

import msgspec

TIMEOUT_S, TIMEOUT_S_MIN, TIMEOUT_S_MAX = 120.0, 0.1, 600.0
BACKGROUND_S_MAX = 6 * 3600.0
# A schema deeper than this, or that takes more steps to judge, counts as fitting: the server judges again.
_DEPTH_MAX, _STEPS_MAX = 32, 20_000

Line = Annotated[int, msgspec.Meta(ge=1)]


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the arguments of every tool of our own have in common."""


class ReadFile(Arguments, frozen=True, kw_only=True):
    """read_file"""

    path: str
    start_line: Line | None = None
    end_line: Line | None = None


class ListDir(Arguments, frozen=True, kw_only=True):
    """list_dir"""

    path: str = "."


class SearchFiles(Arguments, frozen=True, kw_only=True):
    """search_files"""

    pattern: str
    path: str = "."


class Grep(Arguments, frozen=True, kw_only=True):
    """grep"""

    pattern: str
    path: str = "."
    glob: str | None = None
    ignore_case: bool = False


class WriteFile(Arguments, frozen=True, kw_only=True):
    """write_file"""

    path: str
    content: str


class EditFile(Arguments, frozen=True, kw_only=True):
    """edit_file"""

    path: str
    old: str
    new: str
    all: bool = False


class Edit(Arguments, frozen=True, kw_only=True):
    """One edit of multi_edit"""

    old: str
    new: str
    all: bool = False


class MultiEdit(Arguments, frozen=True, kw_only=True):
    """multi_edit"""

    path: str
    edits: Annotated[list[Edit], msgspec.Meta(min_length=1, max_length=50)]


class RunCommand(Arguments, frozen=True, kw_only=True):
    """run_command"""

    command: str
    cwd: str = "."
    timeout_s: float | None = None
    background: bool = False

    def limit_s(self, usual_s: float = TIMEOUT_S) -> float:
        """How long the command may run."""
        if self.background:
            return BACKGROUND_S_MAX
        return min(max(self.timeout_s or usual_s, TIMEOUT_S_MIN), TIMEOUT_S_MAX)


class CommandOutput(Arguments, frozen=True, kw_only=True):
    """command_output"""

    id: str = ""
    wait_s: float = 0.0


class CommandStop(Arguments, frozen=True, kw_only=True):
    """command_stop"""

    id: str


class Todo(Arguments, frozen=True, kw_only=True):
    """todo"""

    items: list[dict[str, str]]


ARGUMENTS: dict[str, type[Arguments]] = {
    "read_file": ReadFile,
    "list_dir": ListDir,
    "search_files": SearchFiles,
    "grep": Grep,
    "write_file": WriteFile,
    "edit_file": EditFile,
    "multi_edit": MultiEdit,
    "run_command": RunCommand,
    "command_output": CommandOutput,
    "command_stop": CommandStop,
    "todo": Todo,
}


T = TypeVar("T", bound=Arguments)


class BadArguments(Exception):
    """A call's arguments are not what its tool takes; the message is for the model."""


def read(kind: type[T], args: dict[str, Any], tool: str) -> T:
    """`args` as `kind`. Raises BadArguments that names the field and what the tool takes."""
    try:
        found = msgspec.convert(args, kind)
    except msgspec.ValidationError as error:
        raise BadArguments(f"{tool}: {error}; it takes {', '.join(kind.__struct_fields__)}") from error
    if isinstance(found, RunCommand):
        if not found.command.strip():
            raise BadArguments("the command is empty")
        if "\0" in found.command:
            raise BadArguments("a command holds no NUL character")
    return found


def problem(tool: str, args: dict[str, Any], schema: dict[str, Any] | None = None) -> str:
    """What is wrong with the arguments of a call, '' when nothing is. `schema`: how an MCP tool declares its own."""
    if schema is not None:
        return _Judge(schema).problem(tool, args)
    kind = ARGUMENTS.get(tool)
    if kind is None:
        return f"there is no tool {tool[:80]!r}"
    try:
        read(kind, args, tool)
    except BadArguments as error:
        return str(error)
    return ""


class _TooDeep(Exception):
    """The schema takes more work than its judgement is worth."""


_NAMES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
# Where one of these stands beside `properties`, the fields may be declared there.
_FIELDS_ELSEWHERE = ("additionalProperties", "patternProperties", "unevaluatedProperties", "allOf", "anyOf", "oneOf", "$ref", "if")


class _Judge:
    """Judges values by one JSON schema. References lead into the schema itself only: nothing is fetched."""

    def __init__(self, schema: dict[str, Any]):
        self._root = schema
        self._steps = 0

    def problem(self, tool: str, args: dict[str, Any]) -> str:
        """What does not fit, with its place."""
        try:
            if said := self._judge(args, self._root, tool, 0):
                return said
        except _TooDeep:
            return ""
        declared = self._root.get("properties")
        if isinstance(declared, dict) and declared and not any(word in self._root for word in _FIELDS_ELSEWHERE):
            fields = cast("dict[str, Any]", declared)
            if unknown := next((name for name in args if name not in fields), None):
                return f"{tool} has no field {unknown[:80]!r}; it takes {', '.join(fields)[:400]}"
        return ""

    def _judge(self, value: Any, schema: Any, where: str, depth: int) -> str:
        self._steps += 1
        if depth > _DEPTH_MAX or self._steps > _STEPS_MAX:
            raise _TooDeep
        if schema is False:
            return f"{where} may not be given"
        if not isinstance(schema, dict):
            return ""
        rules = cast("dict[str, Any]", schema)
        if isinstance(rules.get("$ref"), str) and (said := self._judge(value, self._referred(rules["$ref"]), where, depth + 1)):
            return said
        if said := _type_problem(value, rules.get("type"), where) or _value_problem(value, rules, where):
            return said
        return self._parts(value, rules, where, depth) or self._combined(value, rules, where, depth)

    def _parts(self, value: Any, rules: dict[str, Any], where: str, depth: int) -> str:
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            declared = cast("dict[str, Any]", rules["properties"]) if isinstance(rules.get("properties"), dict) else {}
            required = cast("list[Any]", rules["required"]) if isinstance(rules.get("required"), list) else []
            if missing := next((name for name in required if name not in fields), None):
                return f"{where} misses the field {missing!r}"
            further = rules.get("additionalProperties")
            for name, part in fields.items():
                if name in declared:
                    rule = declared[name]
                elif "patternProperties" in rules:
                    continue
                elif further is False:
                    return f"{where} has no field {name[:80]!r}; it takes {', '.join(declared)[:400]}"
                else:
                    rule = further
                if said := self._judge(part, rule, f"{where}.{name[:80]}", depth + 1):
                    return said
        if isinstance(value, list):
            for number, part in enumerate(cast("list[Any]", value)):
                if said := self._judge(part, rules.get("items"), f"{where}[{number}]", depth + 1):
                    return said
        return ""

    def _combined(self, value: Any, rules: dict[str, Any], where: str, depth: int) -> str:
        for rule in _list(rules.get("allOf")):
            if said := self._judge(value, rule, where, depth + 1):
                return said
        for word in ("anyOf", "oneOf"):
            said = [self._judge(value, rule, where, depth + 1) for rule in _list(rules.get(word))]
            if said and all(said):
                return said[0] if len(said) == 1 else f"{where} fits none of what it may be: {'; '.join(dict.fromkeys(said))[:400]}"
        return ""

    def _referred(self, pointer: str) -> Any:
        found: Any = self._root
        if not pointer.startswith("#"):
            return None
        for part in pointer[1:].split("/")[1:]:
            if not isinstance(found, dict):
                return None
            found = cast("dict[str, Any]", found).get(part.replace("~1", "/").replace("~0", "~"))
        return found


def _list(found: Any) -> list[Any]:
    return cast("list[Any]", found) if isinstance(found, list) else []


def _type_problem(value: Any, wanted: Any, where: str) -> str:
    names = [wanted] if isinstance(wanted, str) else [name for name in _list(wanted) if isinstance(name, str)]
    known = [name for name in names if name in _NAMES]
    if not known or len(known) < len(names) or any(_is_of(value, name) for name in known):
        return ""
    return f"{where} is {_name_of(value)}, and has to be {' or '.join(known)}"


def _is_of(value: Any, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _NAMES[name])


def _name_of(value: Any) -> str:
    return next((name for name in ("boolean", *_NAMES) if _is_of(value, name)), "something else")


def _value_problem(value: Any, rules: dict[str, Any], where: str) -> str:
    if isinstance(rules.get("enum"), list) and not any(_same(value, each) for each in rules["enum"]):
        return f"{where} has to be one of {msgspec.json.encode(rules['enum']).decode()[:400]}"
    if "const" in rules and not _same(value, rules["const"]):
        return f"{where} has to be {msgspec.json.encode(rules['const']).decode()[:400]}"
    return ""


def _same(one: Any, other: Any) -> bool:
    # True equals 1 in Python and not in JSON.
    return isinstance(one, bool) == isinstance(other, bool) and one == other
