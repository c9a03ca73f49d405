"""The state of this home's daemon, found within a second: absent, stopped, starting or ready. Every command uses this one.

absent: no supervisord runs. stopped: it runs, and `opta daemon stop` has stopped the daemon's services. starting: they run, and are
not ready yet. ready: the gateway answers, proves that it knows the token, and says that all services are ready.
"""

from typing import Any, NamedTuple

from opta_core.errors import OptaError, Unavailable
from opta_core.paths import Paths

from .client import Client

LOOK_S = 0.8
# Without one of these, no turn can run.
NEEDED = ("gateway", "sessions", "agent", "tools")


class NoDaemon(Unavailable):
    """No daemon is running, and none may be started (exit code 3)."""


class Look(NamedTuple):
    """`state` is absent, stopped, starting or ready; `missing`: the services that are not ready, with the reason of each."""

    state: str
    missing: dict[str, str]

    @property
    def sentence(self) -> str:
        """What a person reads, with what to do."""
        services = ", ".join(f"{name} ({reason})" if reason else name for name, reason in sorted(self.missing.items()))
        return {
            "absent": "No daemon is running in this home. Start it: opta up",
            "stopped": f"{'The daemon is' if len(self.missing) == len(NEEDED) else 'Services are'} stopped: {services}. Start: opta daemon start",
            "starting": f"The daemon is starting: {services or 'it does not answer yet'}.",
        }.get(self.state, "The daemon is ready.")


def look(paths: Paths, client: Client | None = None) -> Look:
    """The state of the daemon now. `client`: one that is used afterwards, so that it need not find the daemon again."""
    ready, said = (client or Client(paths, answer_s=LOOK_S)).readiness(LOOK_S)
    if ready:
        return Look("ready", {})
    return _from_supervisord(paths, said)


def _from_supervisord(paths: Paths, said: dict[str, Any]) -> Look:
    if not (paths.run / "supervisor.sock").exists():
        return Look("absent", {})
    from opta_core.process.supervision import RUNNING, SupervisordClient

    try:
        processes = SupervisordClient(paths.run, LOOK_S).processes()
    except OptaError as error:
        # A suspended supervisord still takes connections.
        is_silent = isinstance(error.__cause__, TimeoutError)
        return Look("starting", {"supervisord": "it does not answer; see opta doctor"}) if is_silent else Look("absent", {})
    states = {process["name"]: process["statename"] for process in processes}
    halted = {name: "" for name in NEEDED if states.get(name, "STOPPED") not in RUNNING}
    if halted:
        return Look("stopped", halted)
    services: Any = said.get("services")
    return Look("starting", {str(name): str(reason) for name, reason in services.items()} if isinstance(services, dict) else {})  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
