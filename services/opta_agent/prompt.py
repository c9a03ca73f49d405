"""The texts that a model reads beside the conversation: the system prompt, and what stands in for a summary or a resumed turn."""

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


NO_TOOLS = msgspec.Raw(b"")
