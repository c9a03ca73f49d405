"""The declaration of a tool: everything that is known about it outside of the function that executes it."""

from typing import Any, Generic, Literal, TypeVar

import msgspec

from ..permissions import Risk
from . import model_schema, schema_check

# How the policy reads a call: by its path (read, search, write), its command line (run), its address (browse), its server (mcp), or not
# at all (plan).
Kind = Literal["read", "search", "write", "run", "plan", "browse", "mcp"]
# always: from the first step on; background: once a command ran in the background; server: while an MCP server lists it.
OfferedWhen = Literal["always", "background", "server"]
# What a permission request has to carry before a person may allow the call: where a command runs, what a write leaves behind, or which
# server offers the tool.
Evidence = Literal["", "execution", "writing", "server"]


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the arguments of every declared tool. A field's `Meta(description=…)` is read by the model."""


A = TypeVar("A", bound=Arguments)


class BadArguments(Exception):
    """The arguments of a call do not fit its tool; the message is for the model."""


class Tool(msgspec.Struct, Generic[A], frozen=True, kw_only=True):
    """One tool. Our own have `arguments`; those of MCP servers have the `parameters` that their server sent.

    `description` is for the model; `label` (in a list of calls) and `question` (above a permission card) are for people.
    `subject` names the argument that says what a call is about: it stands first in the card and in a one-line summary.
    """

    name: str
    description: str
    risk: Risk
    kind: Kind
    label: str
    question: str
    arguments: type[A] | None = None
    subject: str = ""
    evidence: Evidence = ""
    offered: OfferedWhen = "always"
    # Of a tool that an MCP server lists: the JSON schema of its arguments, the server, and the sha256 of its description.
    parameters: dict[str, Any] | None = None
    server: str = ""
    schema: str = ""

    def read(self, args: dict[str, Any]) -> A:
        """`args` as this tool's Struct. Raises BadArguments, which names the field and the fields there are."""
        if self.arguments is None:
            raise BadArguments(f"{self.name} belongs to an MCP server, which reads its arguments itself")
        try:
            return msgspec.convert(args, self.arguments)
        except msgspec.ValidationError as error:
            raise BadArguments(f"{self.name}: {error}; it takes {', '.join(self.arguments.__struct_fields__)}") from error

    def problem(self, args: dict[str, Any]) -> str:
        """Why `args` do not fit this tool; '' when they do."""
        if self.arguments is None:
            return schema_check.problem(self.name, args, self.parameters or {})
        try:
            self.read(args)
        except BadArguments as error:
            return str(error)
        return ""

    def function(self) -> dict[str, Any]:
        """The tool in the form of OpenAI's `tools`, as a model reads it."""
        parameters = model_schema.parameters_of(self.arguments) if self.arguments else self.parameters or {}
        return {"type": "function", "function": {"name": self.name, "description": self.description, "parameters": parameters}}

    def summary(self, args: dict[str, Any]) -> str:
        """A call on one line: its subject, or all of its arguments where no single one says what it is about."""
        subject = args.get(self.subject) if self.subject else None
        return str(subject) if subject else msgspec.json.encode(args).decode() if args else ""


AnyTool = Tool[Any]
