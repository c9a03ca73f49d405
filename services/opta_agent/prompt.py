"""What every request begins with: the system prompt and the tools, byte for byte the same in a session."""

from typing import Any

import msgspec

from opta_protocol.permissions import Mode

_SYSTEM = """\
You are Opta, a coding agent on the user's own machine. The workspace is {cwd}; paths are relative to it.
{mode}
Use the tools to look before you answer and to act; do not guess what a file holds. Make the smallest change that does the task. \
When a tool fails, read its message and correct yourself. Say briefly what you did."""

_MODES = {
    Mode.chat: "You are in conversation: explain, and ask before larger steps.",
    Mode.do: "You work on a task until it is done, then report.",
}


# What a model reads when a person resumes a turn that did not end well.
RESUME = "Continue where you were interrupted. Do not repeat what is done already; check before you repeat a call whose outcome is unknown."


# What a summary begins with in the place of the turns it covers.
SUMMARY = "Summary of the conversation before this point:"
SUMMARISE = """\
You summarise a conversation between a user and a coding agent, so that the agent can go on from the summary alone. \
Keep what was asked, what was decided and why, the files that were read or changed and how, commands that matter with their outcome, \
what is still open, and everything the user said about how to work. Be short and exact. Write the summary and nothing else."""


def system_prompt(cwd: str, mode: Mode) -> str:
    """The first message. Holds no time and nothing that changes, so that servers can reuse their cache."""
    return _SYSTEM.format(cwd=cwd, mode=_MODES[mode])


def _tool(name: str, description: str, required: list[str], **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


_TEXT, _NUMBER, _FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}

TOOLS: list[dict[str, Any]] = [
    _tool("read_file", "Read a text file, or some of its lines.", ["path"], path=_TEXT, start_line=_NUMBER, end_line=_NUMBER),
    _tool("list_dir", "List a folder.", [], path=_TEXT),
    _tool("search_files", "Find files by name; pattern is a glob.", ["pattern"], pattern=_TEXT, path=_TEXT),
    _tool("grep", "Find lines in files; pattern is a regular expression.", ["pattern"], pattern=_TEXT, path=_TEXT, glob=_TEXT, ignore_case=_FLAG),
    _tool("write_file", "Create or replace a file.", ["path", "content"], path=_TEXT, content=_TEXT),
    _tool("edit_file", "Replace old by new in a file; old must fit exactly one place unless all is true.", ["path", "old", "new"],
          path=_TEXT, old=_TEXT, new=_TEXT, all=_FLAG),
    _tool("run_command", "Run a shell command in the workspace and read its output.", ["command"],
          command=_TEXT, cwd=_TEXT, timeout_s={"type": "number"}, background=_FLAG),
    _tool("todo", "Note the plan: the whole list each time.", ["items"],
          items={"type": "array", "items": {"type": "object", "properties": {"text": _TEXT, "state": {"type": "string", "enum": ["open", "doing", "done"]}},
                                            "required": ["text", "state"], "additionalProperties": False}}),
]  # fmt: skip

# Offered once a command was started in the background.
BACKGROUND_TOOLS: list[dict[str, Any]] = [
    _tool(
        "command_output",
        "What a background command printed since the last look; without an id: which there are.",
        [],
        id=_TEXT,
        wait_s={"type": "number"},
    ),
    _tool("command_stop", "End a background command.", ["id"], id=_TEXT),
]

# The built-in probe model knows the eight and no others.
PROBE = "probe"
FURTHER_TOOLS: list[dict[str, Any]] = [
    _tool("multi_edit", "Several edits of one file, one after the other; all of them or none.", ["path", "edits"], path=_TEXT,
          edits={"type": "array", "items": {"type": "object", "properties": {"old": _TEXT, "new": _TEXT, "all": _FLAG},
                                            "required": ["old", "new"], "additionalProperties": False}}),
]  # fmt: skip

NO_TOOLS = msgspec.Raw(b"")
ENCODED_FURTHER = msgspec.Raw(msgspec.json.encode([*TOOLS, *FURTHER_TOOLS]))
ENCODED_TOOLS = msgspec.Raw(msgspec.json.encode(TOOLS))
TOOL_NAMES = frozenset(tool["function"]["name"] for tool in TOOLS)
