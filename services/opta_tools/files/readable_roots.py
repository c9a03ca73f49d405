"""Paths outside the workspace that file tools may read: those of the setting `sandbox.read`, and the session's own /tmp."""

import os
from collections.abc import Callable

import msgspec

from opta_core.policy.path_names import SESSION_TMP, readable_root, relative_to
from opta_protocol.commands import RunTool
from opta_protocol.permissions import Risk
from opta_protocol.tools.declared import risk_of

from ..result import ToolProblem


def rooted(call: RunTool, readable: tuple[str, ...]) -> RunTool:
    """A reading call whose path lies beneath one of `readable`, changed to a call in that folder; any other call unchanged.

    Raises ToolProblem when the folder lies behind a symbolic link.
    """
    path = call.args.get("path")
    if risk_of(call.name) is not Risk.read or not isinstance(path, str):
        return call
    root = readable_root(path, readable)
    if not root:
        return call
    if os.path.realpath(root) != root:
        # If it lies in a workspace, a command may have replaced it by a link.
        raise ToolProblem(f"sandbox.read names {root}, which is or lies behind a link; name the target of the link", "path")
    relative = os.path.relpath(os.path.expanduser(path), root)
    if not os.path.isdir(root):
        root, relative = os.path.dirname(root), os.path.basename(root)
    return msgspec.structs.replace(call, cwd=root, folder="", args={**call.args, "path": relative})


def in_session_tmp(call: RunTool, folder_of: Callable[[str], str]) -> RunTool:
    """A reading call whose path lies in the session's /tmp, changed to a call in that folder; any other call unchanged.

    `folder_of`: the folder that is the /tmp of a session. A workspace beneath the machine's /tmp comes first.
    """
    path = call.args.get("path")
    if risk_of(call.name) is not Risk.read or not isinstance(path, str) or relative_to(call.cwd, path) is not None:
        return call
    root = readable_root(path, SESSION_TMP)
    if not root:
        return call
    return msgspec.structs.replace(call, cwd=folder_of(call.sid), folder="", args={**call.args, "path": os.path.relpath(path, root)})
