"""What the gate has to know of the machine: rules in files, programs on the PATH, the worker's containment."""

from opta_core.paths import Paths
from opta_core.policy.actions import PolicyRequest, normalise
from opta_core.policy.layers import Layers, Sources
from opta_core.policy.path_names import SESSION_TMP
from opta_core.policy.verdict import SandboxLevel
from opta_protocol.commands import Preview
from opta_protocol.events import ToolCall
from opta_protocol.tools.declared import tool_of
from opta_protocol.tools.tool import AnyTool

from .session import AgentSession
from .toolbox import WorkerToolbox


class GateEnvironment:
    """`gate.Surroundings` of the real thing. `path`: the PATH in which programs are looked up; `readable`: `sandbox.read`."""

    def __init__(self, paths: Paths, path: str, toolbox: WorkerToolbox, readable: tuple[str, ...] = ()):
        self._sources, self._path, self._toolbox, self._readable = Sources(paths), path, toolbox, readable
        # What the worker's sandbox was when it was asked last; the gate asks before it reads a call.
        self._level = ""

    def problem(self, call: ToolCall) -> str:
        """What is wrong with a call's arguments, '' when nothing is."""
        tool = self._toolbox.tool(call.sid, call.turn, call.name)
        return tool.problem(call.args) if tool else f"there is no tool {call.name[:80]!r}"

    def tool(self, call: ToolCall) -> AnyTool:
        """The declaration of the tool that is called."""
        return self._toolbox.tool(call.sid, call.turn, call.name) or tool_of(call.name)

    def request(self, call: ToolCall, cwd: str) -> PolicyRequest:
        """A call as its actions."""
        readable = (*self._readable, *(SESSION_TMP if self._level == "full" else ()))
        return normalise(self.tool(call), call.args, cwd, path=self._path, readable=readable)

    def layers(self, cwd: str) -> Layers:
        """The rules that hold in a folder now."""
        return self._sources.layers(cwd)

    async def sandbox(self) -> SandboxLevel:
        """What contains the worker's commands."""
        level = self._level = await self._toolbox.sandbox()
        return "full" if level in ("full", "seatbelt") else "landlock" if level == "landlock" else "none"

    async def preview(self, session: AgentSession, call: ToolCall) -> Preview:
        """What a write would do, or where a command would run."""
        return await self._toolbox.preview(session, call)
