"""Folders outside of the workspace that file tools may read, because the user named them: `sandbox.read`."""

import os

import msgspec

from opta_core.policy.actions import readable_root
from opta_protocol.commands import RunTool
from opta_protocol.permissions import Risk
from opta_protocol.tools.declared import risk_of

from ..result import ToolProblem


def rooted(call: RunTool, readable: tuple[str, ...]) -> RunTool:
    """A reading call with an absolute path beneath one of `readable`, as one in that folder; any other call as it is. Raises ToolProblem."""
    path = call.args.get("path")
    if risk_of(call.name) is not Risk.read or not isinstance(path, str):
        return call
    root = readable_root(path, readable)
    if not root:
        return call
    if os.path.realpath(root) != root:
        # A command may have put a link in its place, if it lies in a workspace.
        raise ToolProblem(f"sandbox.read names {root}, which is or lies behind a link; name what it leads to", "path")
    relative = os.path.relpath(os.path.expanduser(path), root)
    if not os.path.isdir(root):
        root, relative = os.path.dirname(root), os.path.basename(root)
    return msgspec.structs.replace(call, cwd=root, folder="", args={**call.args, "path": relative})
