"""A real terminal (tmux): keys go in, the screen is read."""

import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from support.limits import limit_s
from support.oracles import until


class Terminal:
    """A tmux window, with a clipboard that programs in it may set."""

    def __init__(self, socket: Path, environment: dict[str, str], cwd: Path, command: str, *, columns: int = 120):
        self._base = ["tmux", "-S", str(socket)]
        variables = [
            word
            for name, value in environment.items()
            if name.startswith(("OPTA_", "PATH", "HOME", "LANG", "NO_COLOR"))
            for word in ("-e", f"{name}={value}")
        ]
        subprocess.run(
            [*self._base, "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", "40", "-c", str(cwd), *variables, command],
            check=True,
            timeout=limit_s(10),
            # tmux gives its first window the PATH of the command that asked for it, whatever `-e` says.
            env={**os.environ, **{name: value for name, value in environment.items() if name == "PATH"}},
        )
        subprocess.run([*self._base, "set-option", "-s", "set-clipboard", "on"], check=True, timeout=limit_s(10))

    def type(self, *keys: str) -> None:
        subprocess.run([*self._base, "send-keys", *keys], check=True, timeout=limit_s(10))

    def type_until(self, is_there: Callable[[str], bool], what: str, *keys: str) -> str:
        """Type the keys again until they were taken: a question takes nothing that was typed before it has settled."""
        deadline = time.monotonic() + limit_s(20)
        while time.monotonic() < deadline:
            self.type(*keys)
            if until(lambda: is_there(self.screen()), 1):
                return self.screen()
        raise AssertionError(f"not on the screen: {what}\n{self.screen()}")

    def paste(self, text: str, *, marked: bool) -> None:
        """Paste a block: marked as one where the program asks for that, or raw, as if it were typed at once."""
        subprocess.run([*self._base, "load-buffer", "-b", "block", "-"], input=text, text=True, check=True, timeout=limit_s(10))
        subprocess.run([*self._base, "paste-buffer", "-r", *(["-p"] if marked else []), "-b", "block"], check=True, timeout=limit_s(10))

    def screen(self) -> str:
        return subprocess.run(
            [*self._base, "capture-pane", "-p", "-S", "-200"], capture_output=True, text=True, timeout=limit_s(10), check=False
        ).stdout

    def text(self) -> str:
        """All that was ever shown, with the rows joined that the terminal has wrapped."""
        return subprocess.run(
            [*self._base, "capture-pane", "-p", "-J", "-S", "-2000"], capture_output=True, text=True, timeout=limit_s(10), check=False
        ).stdout

    def coloured(self) -> str:
        """The screen with the codes of its colours; the history above is not in it."""
        return subprocess.run(
            [*self._base, "capture-pane", "-p", "-e"], capture_output=True, text=True, timeout=limit_s(10), check=False
        ).stdout

    def resize(self, columns: int) -> None:
        """Make the window narrower or wider, as a person who drags its edge."""
        subprocess.run([*self._base, "resize-window", "-x", str(columns), "-y", "40"], check=True, timeout=limit_s(10))

    def record(self, file: Path) -> None:
        """Write all that the program sends from now on into a file."""
        subprocess.run([*self._base, "pipe-pane", "-o", f"cat > {shlex.quote(str(file))}"], check=True, timeout=limit_s(10))

    def title_and_clipboard(self) -> tuple[str, str]:
        """What programs can set without showing it."""
        shown = [["display-message", "-p", "#{pane_title}"], ["list-buffers"]]
        title, buffers = (
            subprocess.run([*self._base, *command], capture_output=True, text=True, timeout=limit_s(10)).stdout for command in shown
        )
        return title.strip(), buffers.strip()

    def wait(self, is_there: Callable[[str], bool], what: str) -> str:
        deadline = time.monotonic() + limit_s(20)
        while time.monotonic() < deadline:
            if is_there(screen := self.screen()):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"not on the screen: {what}\n{self.screen()}")

    def close(self) -> None:
        subprocess.run([*self._base, "kill-server"], capture_output=True, timeout=limit_s(10), check=False)
