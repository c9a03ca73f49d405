"""The daemon: each service with its state, and restart, stop and start of each. Without a gateway, supervisord is asked."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType

from opta_core.errors import OptaError
from opta_core.paths import Paths
from opta_core.process.supervision import SupervisordClient

from ..client import Client
from ..daemon_state import look
from ..segment_rows import Row
from .palette_styles import PaletteStyles
from .panel_screen import PanelScreen, wrapped

EVERY_S, ANSWER_S = 1.0, 2.0
_GLYPHS = {"running": ("●", "ok"), "starting": ("◌", "warn"), "stopped": ("○", "text-dim"), "fatal": ("✕", "err"), "backoff": ("✕", "err")}


class DaemonScreen(PanelScreen):
    """Looks again each second. `r`, `x` and `s` act on the marked service."""

    KEYS: ClassVar[str] = "↑↓ service · r restart · x stop · s start · l logs · t triage · Esc closes"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "act('restart')", show=False),
        Binding("x", "act('stop')", show=False),
        Binding("s", "act('start')", show=False),
        Binding("l", "leave_for('logs')", show=False),
        Binding("t", "leave_for('triage')", show=False),
        Binding("up", "mark(-1)", show=False, priority=True),
        Binding("down", "mark(1)", show=False, priority=True),
    ]

    def __init__(self, paths: Paths, styles: PaletteStyles, read: Callable[[Paths], dict[str, Any]] | None = None):
        """`read`: how the services are looked at, in a thread."""
        super().__init__(styles)
        self._paths, self._read = paths, read or read_services
        self._found: dict[str, Any] = {}
        self._said = ""
        self._at = 0

    def on_mount(self) -> None:
        self.set_interval(EVERY_S, self._look_soon)
        self._look_soon()

    def _look_soon(self) -> None:
        self.run_worker(self._look(), exclusive=True, group="look")

    async def _look(self) -> None:
        self.show(await asyncio.to_thread(self._read, self._paths))

    def show(self, found: dict[str, Any]) -> None:
        """Show the state of the daemon as GET /v3/daemon and the look at its processes say it."""
        self._found = found
        self._at = min(self._at, max(0, len(found["services"]) - 1))
        self.redraw()

    def title_text(self) -> str:
        if not self._found:
            return "Daemon"
        port = f" · port {self._found['port']}" if self._found.get("port") else ""
        return f"Daemon · {self._found['sentence']}{port}"

    def rows(self, width: int) -> list[Row]:
        rows: list[Row] = []
        for number, service in enumerate(self._found.get("services", [])):
            rows.append(self._service(service, width, is_marked=number == self._at))
        if self._said:
            rows += [[], *wrapped(self._said, width, self.row_styles.style("text-dim"))]
        return rows

    def _service(self, service: dict[str, Any], width: int, *, is_marked: bool) -> Row:
        glyph, token = _GLYPHS.get(service["state"], ("◌", "warn"))
        if service["state"] == "running" and not service["ready"]:
            glyph, token = "◌", "warn"
        words = [f"pid {service['pid']}"] * bool(service["pid"])
        words += [f"up {_lasting(service['uptime'])}"] * bool(service["uptime"])
        words += [f"{service['restarts']} restarts"] * bool(service["restarts"])
        words += [f"{service['memory'] / 1e6:.0f} MB"] * bool(service["memory"]) + [service["reason"]] * bool(service["reason"])
        state = service["state"] if service["state"] != "running" or service["ready"] else "not ready"
        body = f"{service['name']:10} {state:10} {' · '.join(words)}"[: max(0, width - 4)]
        ground = self.row_styles.style("text", on="overlay") if is_marked else self.row_styles.style("text")
        mark = Segment("▌" if is_marked else " ", self.row_styles.style("violet"))
        return [mark, Segment(f"{glyph} ", self.row_styles.style(token, bold=True)), Segment(body.ljust(max(0, width - 4)), ground)]

    def action_mark(self, step: int) -> None:
        """Mark another service."""
        self._at = max(0, min(len(self._found.get("services", [])) - 1, self._at + step))
        self.redraw()

    def action_act(self, action: str) -> None:
        """Start, stop or restart the marked service."""
        if services := self._found.get("services"):
            self._said = f"{action} {services[self._at]['name']} …"
            self.redraw()
            self.run_worker(self._act(services[self._at]["name"], action), group="act")

    async def _act(self, name: str, action: str) -> None:
        try:
            await asyncio.to_thread(getattr(SupervisordClient(self._paths.run), action), name)
            self._said = f"{name}: {action} was asked for. The state above says what became of it."
        except OptaError as error:
            self._said = error.message
        self._look_soon()

    def action_leave_for(self, other: str) -> None:
        """Close, and show another screen."""
        self.dismiss(other)


def read_services(paths: Paths) -> dict[str, Any]:
    """What the gateway says of all services; without it, what supervisord knows of them. Never raises."""
    found = look(paths)
    said: dict[str, Any] = {"sentence": found.sentence, "services": [], "port": 0}
    try:
        daemon = Client(paths, answer_s=ANSWER_S, reconnect_s=0).get("/v3/daemon")
        return {**said, "services": daemon["services"], "port": daemon["port"]}
    except OptaError:
        pass
    try:
        processes = SupervisordClient(paths.run, ANSWER_S).processes()
    except OptaError:
        return said
    return {**said, "services": [_from_supervisord(process) for process in processes]}


def _from_supervisord(process: dict[str, Any]) -> dict[str, Any]:
    is_running = process["statename"] == "RUNNING"
    return {
        "name": process["name"],
        "state": process["statename"].lower(),
        "pid": process["pid"],
        "uptime": process["now"] - process["start"] if is_running else 0,
        "restarts": 0,
        "memory": 0,
        # Only the gateway knows whether a service is ready.
        "ready": False,
        "reason": "the gateway does not answer" if is_running else "",
    }


def _lasting(seconds: float) -> str:
    minutes, whole = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{whole} s"
