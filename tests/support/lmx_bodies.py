"""Bodies of LMX's APIs that are right, and strategies that change something in one of them."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

from support.lmx import CHAT, HELLO
from support.lmx_replies import TOKENS, bounded

# bodies that were right until something was changed -----------------------------------------------------

PARAMETERS = {"type": "object", "properties": {"path": {"type": "string"}, "n": {"type": "integer", "minimum": 1}}, "required": ["path"]}
TOOL = {"type": "function", "function": {"name": "read", "description": "d", "parameters": PARAMETERS, "strict": True}}
CALL = {"id": "a", "type": "function", "function": {"name": "read", "arguments": '{"path":"x"}'}}
FORM = {
    "type": "object",
    "properties": {
        "a": {"type": "string", "maxLength": 5}, "b": {"enum": [1, "x", None]}, "c": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
    },
    "required": ["a"],
    "additionalProperties": False,
}  # fmt: skip
ANTHROPIC: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}, {"type": "tool_use", "id": "a", "name": "read", "input": {"path": "x"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "r"}], "is_error": True}]},
    ],
    "model": "m", "system": [{"type": "text", "text": "s"}], "thinking": {"type": "disabled"}, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "tools": [{"name": "read", "input_schema": PARAMETERS, "description": "d", "type": "custom", "cache_control": {"type": "ephemeral"}}],
}  # fmt: skip
RIGHT: dict[str, list[dict[str, Any]]] = {
    CHAT: [
        {
            "messages": [
                {"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]},
                {"role": "assistant", "content": None, "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "a", "content": "r"},
            ],
            "model": "m", "stream": False, "stream_options": {"include_usage": True}, "tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": False,
            "max_tokens": TOKENS, "temperature": 1, "top_p": 0.9, "top_k": 5, "min_p": 0.1, "stop": ["x", "yy"], "seed": 7, "logit_bias": {"65": 1.5},
            "repetition_penalty": 1.1, "presence_penalty": 0.5, "frequency_penalty": -0.5, "logprobs": True, "top_logprobs": 3, "n": 2, "user": "u",
            "metadata": {"a": "b"}, "store": False, "service_tier": "flex",
        },
        {
            "messages": HELLO, "stream": True, "max_completion_tokens": TOKENS,
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": FORM, "strict": True}},
        },
        {"messages": HELLO, "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "read"}}, "temperature": 1},
        {"messages": HELLO, "tools": [TOOL], "tool_choice": "required", "stream": True},
    ],
    "/v1/completions": [
        {
            "prompt": ["a", "b"], "model": "m", "max_tokens": TOKENS, "temperature": 1, "top_p": 0.5, "n": 2, "stream": True,
            "stream_options": {"include_usage": True}, "stop": ["q"], "seed": 3, "presence_penalty": 1, "frequency_penalty": 1, "user": "u",
        }
    ],
    "/v1/responses": [
        {
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "hi"}]}, {"type": "function_call", "name": "read", "arguments": "{}", "call_id": "c"},
                {"type": "function_call_output", "call_id": "c", "output": "o"}, {"type": "reasoning", "summary": []},
            ],
            "model": "m", "instructions": "i", "tools": [{"type": "function", "name": "read", "description": "d", "parameters": PARAMETERS, "strict": False}],
            "tool_choice": "auto", "parallel_tool_calls": True, "text": {"format": {"type": "json_schema", "name": "n", "schema": FORM}, "verbosity": "low"},
            "max_output_tokens": TOKENS, "temperature": 1, "top_p": 1, "stream": True, "store": False, "reasoning": {"effort": "low"}, "include": ["x"],
            "metadata": {"a": "b"}, "user": "u", "service_tier": "auto", "truncation": "disabled",
        }
    ],
    "/v1/messages": [
        {
            **ANTHROPIC, "max_tokens": TOKENS, "stop_sequences": ["x"], "stream": True, "temperature": 1, "top_p": 0.5, "top_k": 3, "metadata": {"user_id": "x"},
            "service_tier": "auto",
        },
        {"messages": HELLO, "tools": ANTHROPIC["tools"], "tool_choice": {"type": "any"}},
    ],
    "/v1/messages/count_tokens": [ANTHROPIC],
    "/v1/embeddings": [{"input": ["a", "b"], "model": "m", "encoding_format": "float", "dimensions": 8, "user": "u"}],
    "/v1/tokenize": [{"messages": HELLO, "tools": [TOOL], "model": "m"}, {"prompt": "x"}],
    "/admin/models/load": [{"model": "absent", "pin": False, "wait": True}],
    "/admin/models/unload": [{"model": "absent"}],
    "/admin/models/available": [{"repo": "no repo", "revision": "main", "token": "t"}],
    "/admin/models/pull/pause": [{"name": "n"}],
    "/admin/models/pull": [{"repo": "no repo", "revision": "main", "name": "n", "token": "t"}],
    "/admin/keys": [{"name": "k", "admin": False}],
    "/admin/keys/remove": [{"name": "k"}],
    "/admin/pairing": [{"admin": False}],
    "/pair": [{"name": "n", "message": "53", "attempt": "ab", "proof": "cd"}],
}  # fmt: skip
WORDS = st.one_of(
    st.sampled_from([
        "", "\0", "\ud7ff\uffff", "é漢🙂", "x" * 300, "../../x", "/etc/passwd", "user", "assistant", "tool", "text", "function", "*", "<|end|>", "<tool_call>", "{",
        "[]", "null", "-1", "١", "256", "999999999", "data:image/png;base64,AAAA", "http://127.0.0.1:9/x",
    ]),
    st.text(max_size=8),
)  # fmt: skip
NUMBERS = st.one_of(
    st.sampled_from(
        [0, -1, 2**31, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64, 2**80, -(2**62), -(2**63), -(2**70), -0.0, 1e308, 5e-324, 1e16]
    ),
    st.integers(-1000, 1000),
    st.floats(allow_nan=False, allow_infinity=False),
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS)
NAMES = st.sampled_from(
    ["type", "text", "role", "content", "name", "arguments", "function", "id", "a", "", "\0", "properties", "items", "input", "$ref"]
)
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)
PLACE = '"@here@"'
# What JSON cannot say, or says in a way that no client would: put in the place of a value as it stands.
LITERALS = [
    b"NaN", b"-Infinity", b"1e999", b"-1e999", b"1E400", b"0x10", b"01", b"-", b"+1", b"tru", b"", b",", b"}", b"9" * 5000, b"-" + b"9" * 5000,
    b"1." + b"9" * 5000, b"0." + b"0" * 5000 + b"1", b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\0"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\\x"', b'"',
    b"[" * 100_000, b"[" * 2000 + b"]" * 2000, b"[" * 400 + b"]" * 400, b'{"a":' * 900 + b"1" + b"}" * 900, b'{"$ref":' * 60 + b"{}" + b"}" * 60,
    b'{"a":1,"a":2,"":3,"":4}', b"[" + b"1," * 100_000 + b"1]",
]  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value in a body."""
    found = [at]
    parts: Any = value
    inner: Any = parts.items() if isinstance(value, dict) else enumerate(parts) if isinstance(value, list) else ()
    for name, entry in inner:
        found += places(entry, (*at, name))
    return found


@st.composite
def changed(draw: st.DrawFn, path: str) -> bytes:
    """A body that is right but for a value or two, or for one literal."""
    body: Any = {"": draw(st.sampled_from(RIGHT[path]))}
    is_literal = draw(st.booleans())
    for _ in range(1 if is_literal else draw(st.integers(1, 2))):
        body = copy.deepcopy(body)
        *keys, last = draw(st.sampled_from(places(body)[1:]))
        parent = body
        for name in keys:
            parent = parent[name]
        if draw(st.integers(0, 9)) and not is_literal:
            parent[last] = draw(ANYTHING)
        elif is_literal:
            parent[last] = "@here@"
        elif keys:
            del parent[last]
    text = json.dumps(bounded(path, body.get("")))
    if is_literal:
        before, _, after = text.partition(PLACE)
        return before.encode() + draw(st.sampled_from(LITERALS)) + after.encode()
    return text.encode()


@st.composite
def twice(draw: st.DrawFn, path: str) -> bytes:
    """A body with a name that is there already, before it or after it."""
    body = bounded(path, draw(st.sampled_from(RIGHT[path])))
    name, value = draw(st.sampled_from(sorted(body))), draw(ANYTHING)
    again, text = f"{json.dumps(name)}:{json.dumps(value)}", json.dumps(body)
    # Whichever counts, the answer has to be short.
    is_last = draw(st.booleans()) and not name.startswith("max_")
    return f"{text[:-1]},{again}}}".encode() if is_last else f"{{{again},{text[1:]}".encode()
