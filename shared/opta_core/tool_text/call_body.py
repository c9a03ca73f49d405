"""Reads what stands between the markers of a tool call: JSON, XML elements, Python calls, or a name with its arguments.

The grammars are the same whatever the markers are, so a model that mixes two formats is read as well.
"""

import ast
import json
import re
from dataclasses import dataclass
from typing import Any

from . import tolerant_json
from .json_calls import TextCall, calls_in
from .offered import OfferedTools, plain
from .tolerant_json import Unreadable

# Markers between and around the calls of one body; they carry no meaning of their own.
_STRUCTURE = re.compile(
    r"(?:\s|,|;|<[|｜](?!open|close)[^<>|｜]{1,48}[|｜]>|</?[｜\w:▁]*(?:tool|func|call|invoke|action|plugin)(?!_name|_arg)[\w:▁]*>|</s>"
    r"|\[/?(?:TOOL_CALLS?|END_TOOL_REQUEST|TOOL_REQUEST)\]|```[\w-]*|(?:function|tool|assistant)(?=[<\n])|call: |<bot_end>|>>>(?=\w)|✿FUNCTION✿:)+",
    re.IGNORECASE,
)
_PREFIXES = ("to=", "call:", "function.", "functions.", "function/", "functions/", "tool.", "tools.", "default_api.", "print(")
_PREFIX = re.compile(f"(?:{'|'.join(map(re.escape, _PREFIXES))})*")
_NAME = re.compile(_PREFIX.pattern + r"([A-Za-z_][\w.-]*)(?::\d+)?")
_SEPARATOR = re.compile(
    r"\s*(?:\[CALL_ID\][\w-]*\s*)?(?:\[ARGS\]|✿ARGS✿:|(?:<[|｜][^<>{}\"]{1,48}[|｜]>\s*(?:json\s*)?)+|<tool_sep>|:|\n)?\s*(?:<\|constrain\|>\s*\w+\s*)?(?:<\|message\|>)?\s*(?:json\s*)?(?:```[\w-]*\s*)?"
)
_ELEMENT = re.compile(
    r"<(?P<tag>[｜\w:]*(?:function|invoke|tool|call))"
    r"(?:=(?P<q1>[\"']?)(?P<n1>[\w.:/-]+)(?P=q1)|\s+(?:name|tool)\s*=\s*(?P<q2>[\"']?)(?P<n2>[\w.:/-]+)(?P=q2)[^>]*)\s*>"
)
_PARAMETER = re.compile(
    r"<(?P<tag>[｜\w:]*(?:parameter|param|argument|arg))"
    r"(?:=(?P<q1>[\"']?)(?P<k1>[^\"'>\s]+)(?P=q1)|\s+(?:name|key)\s*=\s*(?P<q2>[\"']?)(?P<k2>[^\"'>]+?)(?P=q2)(?P<more>\s[^>]*)?)\s*>"
)
_NAMED = re.compile(
    r"<(?P<tag>tool_name|function_name|name)>\s*(?P<name>[\w.-]+)\s*</(?P=tag)>\s*"
    r"(?:<(?P<around>parameters|arguments|args|input|tool_args)>(?P<body>.*?)</(?P=around)>)?",
    re.DOTALL,
)
_KEY_VALUE = re.compile(
    r"<(?P<p>[\w:]*)arg_key>(?P<key>.*?)</(?P=p)arg_key>\s*<(?P=p)arg_value>(?P<value>.*?)</(?P=p)arg_value>\s*", re.DOTALL
)
_OPEN_ELEMENT = re.compile(
    r"<\|open\|>call\s+tool=\"(?P<name>[^\"]+)\"[^<]*<\|sep\|>(?P<body>.*?)(?:<\|close\|>call<\|sep\|>|$)", re.DOTALL
)
_OPEN_JSON = re.compile(r"<\|open\|>json[^<]*<\|sep\|>(?P<value>.*)<\|close\|>json<\|sep\|>", re.DOTALL)
_OPEN_ARGUMENT = re.compile(
    r"<\|open\|>argument\s+key=\"(?P<key>[^\"]+)\"(?P<more>[^<]*)<\|sep\|>(?P<value>.*?)<\|close\|>argument<\|sep\|>", re.DOTALL
)
_QUOTED = re.compile(r"<\|\"\|>(.*?)<\|\"\|>|<escape>(.*?)<escape>", re.DOTALL)
_CDATA = re.compile(r"\s*<!\[CDATA\[(.*?)\]\]>\s*", re.DOTALL)
# A name, and then a call of a function that stands for it, in a block of code.
_CODE_CALL = re.compile(r"\s*```(?:python)?\s*tool_call\(")
# Tags of single families, and how the others write them.
_OTHER_TAGS = (
    (re.compile(r"(</?)\s?[|｜]\s?(\w+)\s?[|｜]\s*(?=(?:tool_|func|calls|invoke|parameter))"), r"\1\2:"),
    (re.compile(r"\]<\]\w+\[>\["), ""),
    (re.compile(r"(</?)\w+\|(?=(?:tool|arg)_)"), r"\1"),
    (re.compile(r"(</?(?:tool_calls?|tool_sep|arg_key|arg_value)):\w+>"), r"\1>"),
    (re.compile(r"<\|tool_call:begin\|>\w*(?:<\|tool_call:name\|>|<[^>]*$|$)"), "<|tool_call_begin|>"),
    (re.compile(r"<\|plamo:(\w+):plamo\|>"), r"<|\1|>"),
    (re.compile(r"<server_name>[^<]*</server_name>\s*"), ""),
    (re.compile(r"<arg_type>[^<]*</arg_type>\s*"), ""),
    (re.compile(r"(</?)param_(key|value)>"), r"\1arg_\2>"),
    (
        # No beginning stands in a pair: otherwise each of many without an end is followed through the whole text.
        re.compile(
            r"<\|tool_arg:start\|>((?:(?!<\|tool_arg:start).)*?)<\|tool_arg:value\|>((?:(?!<\|tool_arg:start).)*?)<\|tool_arg:end\|>",
            re.DOTALL,
        ),
        r"<arg_key>\1</arg_key><arg_value>\2</arg_value>",
    ),
)
_CLOSED_NAME = re.compile(r"""["'](?:name|tool_name|function)["']\s*:\s*["']([\w.:/-]+)["']""")


def calls_of(body: str, offered: OfferedTools, *, is_marked: bool = True, closes: bool = False) -> list[TextCall]:
    """Every call of a body that holds nothing else; [] when it holds anything else, or calls no offered tool.

    `closes`: the text ended here, so open brackets count as closed.
    """
    calls = _Body(body, offered, is_marked, closes).calls()
    return calls if any(call.name in offered for call in calls) else []


def unreadable_call(body: str, offered: OfferedTools) -> list[TextCall]:
    """A call of an offered tool whose arguments cannot be read, with its text in their place; [] when the body names no such tool."""
    named = _CLOSED_NAME.search(body[:200])
    name = offered.find(named.group(1)) if named else ""
    return [TextCall(name, body.strip())] if name else []


def plain_tags(body: str) -> str:
    """A body with the tags of families that name them in their own way written as the others write them."""
    for pattern, plain_form in _OTHER_TAGS:
        body = pattern.sub(plain_form, body)
    return body


def may_begin(body: str, offered: OfferedTools) -> bool:
    """Whether a body that goes on may still become a call: its beginning is a bracket, an element, or the beginning of a tool's name."""
    body = plain_tags(body)
    rest = body[_end_of(_STRUCTURE, body) :]
    if not rest or rest[0] in "{[<`]" or any(prefix.startswith(rest) for prefix in _PREFIXES):
        return True
    name = _NAME.match(rest)
    if name is None:
        return not _PREFIX.sub("", rest, count=1)
    if name.end() == len(rest):
        return len(rest) < 80
    return bool(offered.find_meant(name.group(1)))


@dataclass
class _Body:
    text: str
    offered: OfferedTools
    is_marked: bool
    closes: bool
    at: int = 0

    def calls(self) -> list[TextCall]:
        self.text = plain_tags(self.text)
        if '<|"|>' in self.text or "<escape>" in self.text:
            self.text = _QUOTED.sub(lambda found: json.dumps(found.group(1) if found.group(1) is not None else found.group(2)), self.text)
        found: list[TextCall] = []
        try:
            while True:
                self.at = _end_of(_STRUCTURE, self.text, self.at)
                if self.at == len(self.text):
                    return found
                more = self._next()
                if not more:
                    return []
                found += more
        except Unreadable:
            return []

    def _next(self) -> list[TextCall]:
        character = self.text[self.at]
        if character == "{":
            value, self.at = tolerant_json.read_at(self.text, self.at, closes=self.closes)
            # More brackets than were opened.
            self.at = _end_of(re.compile(r"[}\s]*(?=[}\s]*$)"), self.text, self.at)
            return calls_in(value, self.offered, is_marked=self.is_marked) or []
        if character == "[":
            return self._list()
        if character == "<":
            return self._opened() or self._element() or self._tagged()
        return self._called()

    def _list(self) -> list[TextCall]:
        try:
            value, at = tolerant_json.read_at(self.text, self.at, closes=self.closes)
        except Unreadable:
            return self._python(_closing_bracket(self.text, self.at))
        self.at = at
        return calls_in(value, self.offered, is_marked=self.is_marked) or []

    def _python(self, end: int) -> list[TextCall]:
        source = self.text[self.at : end].strip()
        try:
            tree = ast.parse(source, mode="eval")
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return []
        nodes = tree.body.elts if isinstance(tree.body, ast.List | ast.Tuple) else [tree.body]
        found = [self._python_call(node) for node in nodes]
        if not found or any(call is None for call in found):
            return []
        self.at = end
        return [call for call in found if call is not None]

    def _python_call(self, node: ast.expr) -> TextCall | None:
        if not isinstance(node, ast.Call):
            return None
        if isinstance(node.func, ast.Name) and node.func.id == "print" and len(node.args) == 1 and "print" not in self.offered:
            return self._python_call(node.args[0])
        written = ast.unparse(node.func)
        name = self._named(written)
        try:
            arguments = {keyword.arg: _literal(keyword.value) for keyword in node.keywords if keyword.arg}
            values = [_literal(value) for value in node.args]
        except ValueError:
            return None
        fields = [field for field in self.offered.schema(name).get("properties", {}) if field not in arguments]
        if len(values) == 1 and isinstance(values[0], dict) and not arguments:
            return TextCall(name, values[0])
        if len(values) > len(fields) or any(keyword.arg is None for keyword in node.keywords):
            return None
        return TextCall(name, {**dict(zip(fields, values, strict=False)), **arguments})

    def _opened(self) -> list[TextCall]:
        """`<|open|>call tool="…"<|sep|>` with its arguments as elements of that kind."""
        found = _OPEN_ELEMENT.match(self.text, self.at)
        if found is None:
            return []
        self.at = found.end()
        name = self._named(found.group("name"))
        if whole := _OPEN_JSON.search(found.group("body")):
            value = tolerant_json.read(whole.group("value"))
            return [TextCall(name, value)] if isinstance(value, dict) else []
        arguments = {
            argument.group("key"): _text_value(argument.group("value"), 'type="string"' in argument.group("more"))
            for argument in _OPEN_ARGUMENT.finditer(found.group("body"))
        }
        return [TextCall(name, arguments)]

    def _element(self) -> list[TextCall]:
        """`<function=NAME>` or `<invoke name="NAME">`, with parameters as elements or as JSON."""
        opened = _ELEMENT.match(self.text, self.at)
        if opened is None:
            return []
        name = self._named(opened.group("n1") or opened.group("n2"))
        closer = f"</{opened.group('tag')}>"
        at = opened.end()
        arguments: dict[str, Any] = {}
        while True:
            at = _end_of(re.compile(r"\s*"), self.text, at)
            if self.text.startswith("{", at):
                value, at = tolerant_json.read_at(self.text, at, closes=self.closes)
                arguments |= value
            elif parameter := _PARAMETER.match(self.text, at):
                key = parameter.group("k1") or parameter.group("k2")
                value, at = self._parameter_value(parameter, closer)
                arguments[key] = _text_value(value, 'string="true"' in (parameter.group("more") or ""))
            elif pair := _KEY_VALUE.match(self.text, at):
                arguments[pair.group("key").strip()] = _text_value(pair.group("value"))
                at = pair.end()
            else:
                break
        if self.text.startswith(closer, at):
            at += len(closer)
        elif not self.text.startswith("</", at) and not (self.closes and at == len(self.text)):
            # An element of another kind inside, or text: not a call, unless each child is a field.
            children = (
                _children(self.text[at : self.text.find(closer, at)], self.offered.schema(name)) if closer in self.text[at:] else None
            )
            if children is None:
                return []
            arguments |= children
            at = self.text.find(closer, at) + len(closer)
        self.at = at
        return [TextCall(name, arguments)]

    def _parameter_value(self, opened: "re.Match[str]", closer: str) -> tuple[str, int]:
        """(text of a parameter, the character after it). The text may itself hold the closing tag, where something else than a parameter follows."""
        tag = re.escape(opened.group("tag"))
        end = re.compile(rf"</{tag}>(?=\s*(?:<{tag}[=\s]|{re.escape(closer)}|</|$))|(?=\n?<{tag}=)|(?=\n?{re.escape(closer)})")
        found = end.search(self.text, opened.end())
        if found is None:
            if not self.closes:
                raise Unreadable("a parameter has no end", self.at)
            return self.text[opened.end() :], len(self.text)
        return self.text[opened.end() : found.start()], found.end()

    def _tagged(self) -> list[TextCall]:
        """`<read_file><path>…</path></read_file>`: an element with the name of a tool."""
        if named := _NAMED.match(self.text, self.at):
            name = self._named(named.group("name"))
            body = (named.group("body") or "").strip()
            arguments = tolerant_json.read(body) if body.startswith("{") else _children(body, self.offered.schema(name))
            self.at = named.end()
            return [TextCall(name, arguments)] if isinstance(arguments, dict) else []
        opened = re.compile(r"<([\w.-]+)\s*>").match(self.text, self.at)
        name = self.offered.find(opened.group(1)) if opened else ""
        if opened is None or not name:
            return []
        closer = f"</{opened.group(1)}>"
        end = opened.end()
        while (end := self.text.find(closer, end)) >= 0:
            arguments = _children(self.text[opened.end() : end], self.offered.schema(name))
            end += len(closer)
            if arguments is not None:
                self.at = end
                return [TextCall(name, arguments)]
        return []

    def _called(self) -> list[TextCall]:
        """A name, and then its arguments in one of the ways there are."""
        if self.text.startswith(("print(", "default_api."), self.at):
            return self._python(_closing_bracket(self.text, self.text.find("(", self.at)))
        found = _NAME.match(self.text, self.at)
        if found is None:
            return []
        name = self._named(found.group(1))
        if name not in self.offered:
            return []
        if self.text.startswith("(", found.end()):
            end = _closing_bracket(self.text, found.end())
            self.at = found.start(1)
            return self._python(end)
        if code := _CODE_CALL.match(self.text, found.end()):
            self.text = f"{self.text[: found.start()]}{name}{self.text[code.end() - 1 :]}"
            self.at = found.start()
            return self._python(_closing_bracket(self.text, found.start() + len(name)))
        at = _end_of(_SEPARATOR, self.text, found.end())
        if self.text.startswith(("{", '"', "'"), at):
            value, self.at = tolerant_json.read_at(self.text, at, closes=self.closes)
            inner = tolerant_json.read(value) if isinstance(value, str) else value
            return [TextCall(name, inner)] if isinstance(inner, dict) else []
        at = _end_of(re.compile(r"\s*(?:<tool_sep>)?\s*"), self.text, found.end())
        arguments: dict[str, Any] = {}
        while pair := _KEY_VALUE.match(self.text, at):
            arguments[pair.group("key").strip()] = _text_value(pair.group("value"))
            at = pair.end()
        if not arguments and self.text.startswith(("<", "[ARGS]"), at) and _ELEMENT.match(self.text, _end_of(_STRUCTURE, self.text, at)):
            # A marker of the kind of tool, and then the call itself.
            self.at = at
            return self._next()
        if not arguments and not (self.is_marked and _end_of(_STRUCTURE, self.text, at) == len(self.text)):
            return []
        self.at = at
        return [TextCall(name, arguments)]

    def _named(self, written: str) -> str:
        """The offered tool of a name, or the name as it was written."""
        return (self.offered.find_meant(written) if self.is_marked else self.offered.find(written)) or plain(written)


def _children(body: str, schema: dict[str, Any]) -> dict[str, Any] | None:
    """The elements of a body, each named like a field of `schema`; None when there is anything else."""
    fields = schema.get("properties", {})
    found: dict[str, Any] = {}
    rest = body.strip()
    while rest:
        opened = re.match(r"<([\w-]+)>", rest)
        if opened is None or (fields and opened.group(1) not in fields):
            return None
        closer = f"</{opened.group(1)}>"
        end = rest.rfind(closer) if rest.count(f"<{opened.group(1)}>") == 1 else rest.find(closer)
        if end < 0:
            return None
        found[opened.group(1)] = _text_value(rest[opened.end() : end])
        rest = rest[end + len(closer) :].strip()
    return found


def _text_value(text: str, is_string: bool = True) -> Any:
    """A value that was written between tags; one line break after the opening and before the closing tag belongs to the tags."""
    if cdata := _CDATA.fullmatch(text):
        return cdata.group(1)
    if not is_string:
        try:
            return tolerant_json.read(text)
        except Unreadable:
            pass
    if not text.startswith("\n"):
        return text
    return text[1:-1] if text.endswith("\n") and len(text) > 1 else text[1:]


def _literal(node: ast.expr) -> Any:
    """The value of an expression that is a constant. Raises ValueError."""
    match node:
        case ast.Name(id="true" | "false"):
            return node.id == "true"
        case ast.Name(id="null" | "none"):
            return None
        case ast.List(elts=entries):
            return [_literal(entry) for entry in entries]
        case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
            return {str(_literal(key)): _literal(value) for key, value in zip(keys, values, strict=True) if key is not None}
        case _:
            return ast.literal_eval(node)


def _closing_bracket(text: str, at: int) -> int:
    """The character after the bracket that closes the one at `at`; the end of the text when none does. Quoted text is passed over."""
    depth, quote = 0, ""
    position = at
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif text.startswith(quote, position):
                position += len(quote) - 1
                quote = ""
        elif character in "\"'":
            quote = character * 3 if text.startswith(character * 3, position) else character
            position += len(quote) - 1
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return len(text)


def _end_of(pattern: "re.Pattern[str]", text: str, at: int = 0) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
