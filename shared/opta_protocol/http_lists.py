"""HTTP responses (v3) that are lists: tool calls, open questions, grants, MCP servers, accounts, log lines."""

from typing import Any, Literal

import msgspec

from .hook_events import HookOn
from .http import Response


class ToolCalls(Response, frozen=True, kw_only=True):
    """GET /v3/sessions/:id/tools: all tool calls of the transcript, with their turns."""

    tools: list[dict[str, Any]]


class CommandInfo(Response, frozen=True, kw_only=True):
    """A custom command: `/name arguments` as a message. `arguments` says in words what they are."""

    name: str
    description: str
    arguments: str
    origin: Literal["user", "project"]
    path: str
    mode: Literal["", "chat", "do", "plan"]
    model: str


class CommandList(Response, frozen=True, kw_only=True):
    """GET /v3/commands. `problems` says which files are not used, and why."""

    commands: list[CommandInfo]
    problems: list[str]


class SkillInfo(Response, frozen=True, kw_only=True):
    """A skill. `path`: of its SKILL.md, as tools read it. `isListed`: whether models learn of it by themselves."""

    name: str
    description: str
    origin: Literal["user", "project"]
    path: str
    isListed: bool


class SkillList(Response, frozen=True, kw_only=True):
    """GET /v3/skills. `problems` says which are not used, and why; `folder`: where the user's are."""

    skills: list[SkillInfo]
    problems: list[str]
    folder: str = ""


class FileMatch(Response, frozen=True, kw_only=True):
    """A file or folder that `@path` in a message may mean. `path` is relative to the folder, without a slash behind."""

    path: str
    isFolder: bool


class FileMatches(Response, frozen=True, kw_only=True):
    """GET /v3/files: the likeliest first. `isWhole` is false when the folder holds more files than were looked at."""

    files: list[FileMatch]
    isWhole: bool


class HookInfo(Response, frozen=True, kw_only=True):
    """A hook of the user. `tools`: patterns of tool names, [] for every tool. `isOpen`: whether a call goes on when it fails.

    `problem`: why it cannot run now; '' when it can.
    """

    name: str
    on: HookOn
    command: list[str]
    tools: list[str]
    timeoutS: float
    isOpen: bool
    problem: str


class HookList(Response, frozen=True, kw_only=True):
    """GET /v3/hooks, in the order in which they run. `file`: where they are written; `folder`: where their programs may be."""

    hooks: list[HookInfo]
    file: str = ""
    folder: str = ""


class Asker(Response, frozen=True, kw_only=True, omit_defaults=True):
    """Who asks, beside its session: the session's title, and of a sub-agent the parent session with its title."""

    title: str = ""
    parent: str = ""
    parentTitle: str = ""


class OpenPermission(Asker, frozen=True, kw_only=True):
    """A permission question without an answer."""

    sid: str
    turn: str
    requestId: str
    callId: str
    name: str
    args: dict[str, Any]
    reason: str
    expiresAt: str


class OpenQuestion(Asker, frozen=True, kw_only=True):
    """One question of a model that nobody has answered."""

    sid: str
    turn: str
    questionId: str
    text: str
    options: list[str]
    expiresAt: str


class OpenQuestions(Response, frozen=True, kw_only=True):
    """GET /v3/questions"""

    questions: list[OpenQuestion]


class OpenPermissions(Response, frozen=True, kw_only=True):
    """GET /v3/permissions"""

    permissions: list[OpenPermission]


class GrantList(Response, frozen=True, kw_only=True):
    """GET /v3/grants"""

    grants: list[dict[str, Any]]


class McpServers(Response, frozen=True, kw_only=True):
    """GET /v3/mcp: the MCP servers of a folder. `offers` (by server name) and `tools` are sent only with `look=1`."""

    servers: list[dict[str, Any]]
    problems: list[str]
    offers: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    tools: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET


class AccountInfo(Response, frozen=True, kw_only=True):
    """A stored key: its name, its last characters, where it is stored, and since when."""

    name: str
    shown: str
    kept: Literal["keychain", "file"]
    since: str


class AccountList(Response, frozen=True, kw_only=True):
    """GET /v3/accounts"""

    accounts: list[AccountInfo]


class LogLines(Response, frozen=True, kw_only=True):
    """GET /v3/daemon/logs: oldest first."""

    lines: list[str]
