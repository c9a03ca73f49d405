"""The declaration of a tool: everything about it except the function that executes it."""

from typing import Any, Generic, Literal, TypeVar, cast

import msgspec

from ..permissions import Risk
from . import model_schema, schema_check

# What the policy judges: the path (read, search, write), the command line (run), the address (browse), the server (mcp), or nothing
# (plan).
Kind = Literal["read", "search", "write", "run", "plan", "browse", "mcp"]
# When the tool is offered: always, or while an MCP server lists it.
OfferedWhen = Literal["always", "server"]
# What a permission request must contain before a person may allow the call: where a command runs, the result of a write, or the
# server of the tool.
Evidence = Literal["", "execution", "writing", "server"]


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the arguments of every declared tool. The model reads a field's `Meta(description=…)`."""


A = TypeVar("A", bound=Arguments)


class BadArguments(Exception):
    """The arguments of a call do not match its tool. The message is for the model."""


class Tool(msgspec.Struct, Generic[A], frozen=True, kw_only=True):
    """One tool. A declared tool has `arguments`; a tool of an MCP server has the `parameters` that its server sent.

    `description` is for the model; `label` (in a list of calls) and `question` (above a permission card) are for people.
    `subject` names the main argument of a call: it is first in the card and is the one-line summary. `progress`, where there is no subject,
    names an argument that lists steps with a `state`: the summary counts those that are done.
    """

    name: str
    description: str
    risk: Risk
    kind: Kind
    label: str
    question: str
    arguments: type[A] | None = None
    subject: str = ""
    progress: str = ""
    evidence: Evidence = ""
    offered: OfferedWhen = "always"
    # Who executes it: the tool-worker, or the agent itself.
    runs_in: Literal["worker", "agent"] = "worker"
    # For a tool of an MCP server: the JSON schema of its arguments, the server, and the sha256 of its description.
    parameters: dict[str, Any] | None = None
    server: str = ""
    schema: str = ""

    def read(self, args: dict[str, Any]) -> A:
        """Decode `args` as this tool's Struct. Raises BadArguments, which names the wrong field and all known fields."""
        if self.arguments is None:
            raise BadArguments(f"{self.name} belongs to an MCP server, which reads its arguments itself")
        try:
            return msgspec.convert(args, self.arguments)
        except msgspec.ValidationError as error:
            raise BadArguments(f"{self.name}: {error}; it takes {', '.join(self.arguments.__struct_fields__)}") from error

    def problem(self, args: dict[str, Any]) -> str:
        """Why `args` do not match this tool; '' when they match."""
        if self.arguments is None:
            return schema_check.problem(self.name, args, self.parameters or {})
        try:
            self.read(args)
        except BadArguments as error:
            return str(error)
        return ""

    def function(self) -> dict[str, Any]:
        """The tool as an entry of OpenAI's `tools`, for the model."""
        parameters = model_schema.parameters_of(self.arguments) if self.arguments else self.parameters or {}
        return {"type": "function", "function": {"name": self.name, "description": self.description, "parameters": parameters}}

    def summary(self, args: dict[str, Any]) -> str:
        """A call on one line: the value of its subject, how many steps are done, or all of its arguments when the tool has neither."""
        steps = args.get(self.progress) if self.progress else None
        if isinstance(steps, list):
            states = [cast("dict[str, Any]", step).get("state") for step in cast("list[Any]", steps) if isinstance(step, dict)]
            return f"{states.count('done')} of {len(states)} done"
        subject = args.get(self.subject) if self.subject else None
        return str(subject) if subject else msgspec.json.encode(args).decode() if args else ""


AnyTool = Tool[Any]
