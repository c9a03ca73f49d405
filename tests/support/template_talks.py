"""Conversations that clients send, for tests of chat templates: each text in them has a word of its own, so a lost one is found."""

import json
import re
from typing import Any

TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "read_file", "description": "Reads a file zq900.", "parameters": {
        "type": "object", "properties": {"path": {"type": "string", "description": "Its path."}, "limit": {"type": ["integer", "null"]}},
        "required": ["path"]}}},
    {"type": "function", "function": {"name": "run_command", "description": "Runs a command zq901.", "parameters": {
        "type": "object", "properties": {"command": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}},
        "required": ["command"], "additionalProperties": False}}},
]  # fmt: skip
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def call(id_: str, name: str, **arguments: Any) -> dict[str, Any]:
    """A call as clients send it back."""
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def _loop(first: int, id_: str) -> list[dict[str, Any]]:
    """One turn with a call: question, call, result, answer."""
    return [
        {"role": "user", "content": f"Please read it zq{first}"},
        {"role": "assistant", "content": None, "tool_calls": [call(id_, "read_file", path=f"zq{first + 1}.txt")]},
        {"role": "tool", "tool_call_id": id_, "content": f'line one zq{first + 2}\n\tline "two" <b>'},
        {"role": "assistant", "content": f"It says that zq{first + 3}"},
    ]


SYSTEM = {"role": "system", "content": "You are careful zq100"}
# The words of reasoning are not counted: each family drops older ones in its own way.
TALKS: dict[str, list[dict[str, Any]]] = {
    "system twice": [SYSTEM, {"role": "system", "content": "Second rules zq101"}, {"role": "user", "content": "Hello zq102"}],
    "system in the middle": [
        SYSTEM, {"role": "user", "content": "Hello zq110"}, {"role": "assistant", "content": "Hi zq111"},
        {"role": "system", "content": "New rules zq112"}, {"role": "user", "content": "Go on zq113"},
    ],
    "user twice": [{"role": "user", "content": "First zq120"}, {"role": "user", "content": "Second zq121"}, {"role": "assistant", "content": "Both zq122"},
                   {"role": "user", "content": "Third zq123"}, {"role": "user", "content": "Fourth zq124"}],
    "two parallel calls": [
        SYSTEM, {"role": "user", "content": "Both files zq130"},
        {"role": "assistant", "content": "I read both zq131", "tool_calls": [
            call("call_Ab12Cd34Ef56Gh78", "read_file", path="zq132.txt"), call("call_Zz99Yy88Xx77Ww66", "run_command", command="cat zq133")]},
        {"role": "tool", "tool_call_id": "call_Zz99Yy88Xx77Ww66", "content": "second result zq135"},
        {"role": "tool", "tool_call_id": "call_Ab12Cd34Ef56Gh78", "content": "first result zq134"},
    ],
    "tool result with an image": [
        {"role": "user", "content": [{"type": "text", "text": "A picture zq140"}]},
        {"role": "assistant", "content": "", "tool_calls": [call("toolu_01A09q90qw90lq917835lq9", "read_file", path="zq141.png")]},
        {"role": "tool", "tool_call_id": "toolu_01A09q90qw90lq917835lq9", "content": [{"type": "text", "text": "A cat zq142"}, PICTURE]},
    ],
    "empty content": [
        SYSTEM, {"role": "user", "content": "Make it zq150"},
        {"role": "assistant", "content": "", "tool_calls": [call("c1", "run_command", command="touch zq151")]},
        {"role": "tool", "tool_call_id": "c1", "content": ""},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "And now zq152"},
    ],
    "list content": [
        {"role": "system", "content": [{"type": "text", "text": "You are zq160"}]},
        {"role": "user", "content": [{"type": "text", "text": "One zq161 "}, {"type": "text", "text": "two zq162"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Yes zq163"}]},
        {"role": "user", "content": [{"type": "text", "text": "More zq164"}]},
    ],
    "developer role": [SYSTEM, {"role": "developer", "content": "Developer says zq170"}, {"role": "user", "content": "Hello zq171"}],
    "prefill": [SYSTEM, {"role": "user", "content": "Write JSON zq180"}, {"role": "assistant", "content": '{"zq181": '}],
    "reasoning in the loop": [
        SYSTEM, {"role": "user", "content": "Old zq190"}, {"role": "assistant", "reasoning_content": "old thought", "content": "Old answer zq191"},
        {"role": "user", "content": "Think about zq192"},
        {"role": "assistant", "reasoning_content": "running thought", "content": "I look zq193", "tool_calls": [call("call_0", "read_file", path="zq194")]},
        {"role": "tool", "tool_call_id": "call_0", "content": "found zq195"},
    ],
    "no tools offered": [*_loop(200, "call_abc"), {"role": "user", "content": "Sum it up zq204"}],
    "only a tool result": [{"role": "tool", "tool_call_id": "call_gone", "content": "left over zq210"}],
    "three turns": [SYSTEM, *_loop(220, "call_one"), *_loop(230, "call_two"), *_loop(240, "call_three")[:3]],
}  # fmt: skip
WITHOUT_TOOLS = {"no tools offered"}


def words(messages: list[dict[str, Any]]) -> list[str]:
    """The words that a prompt of these messages must have."""
    return re.findall(r"zq\d{3}", json.dumps(messages))


def missing(prompt: str, messages: list[dict[str, Any]]) -> list[str]:
    """The words of the messages that a prompt lacks, and names of tools that were called."""
    names = [entry["function"]["name"] for message in messages for entry in message.get("tool_calls", [])]
    return [word for word in [*words(messages), *names] if word not in prompt]
