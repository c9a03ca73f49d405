"""The race harness: contained background processes exchange every component of every protected path while commands run. `./opta dev race [N]`.

Counts what got out: a byte of another repository or of the home that a command printed, changed or made. It must be none.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .contained import PYTHON, Place

COMMANDS = 2000
AT_ONCE = 2
# Exchanges a path with a link to somewhere else, in every way that the kernel has, as fast as it can.
FLIPPER = """\
import ctypes, os, sys, itertools
libc = ctypes.CDLL(None, use_errno=True)
AT, EXCHANGE = -100, 2
outside, paths = sys.argv[1], sys.argv[2:]
for number in itertools.count():
    if number % 50 == 0:
        with open("flips", "a") as record:
            record.write(".")
    for path in paths:
        spare, link = f"{path}.spare{os.getpid()}", f"{path}.link{os.getpid()}"
        target = (outside, f"{outside}/.git", "/proc/self/root", "../../..")[number % 4]
        try:
            kind = number % 5
            if kind == 0:
                os.symlink(target, link)
                libc.renameat2(AT, path.encode(), AT, link.encode(), EXCHANGE)
                libc.renameat2(AT, path.encode(), AT, link.encode(), EXCHANGE)
                os.unlink(link)
            elif kind == 1:
                os.rename(path, spare); os.symlink(target, path); os.unlink(path); os.rename(spare, path)
            elif kind == 2:
                os.mkdir(spare); libc.renameat2(AT, path.encode(), AT, spare.encode(), EXCHANGE)
                libc.renameat2(AT, path.encode(), AT, spare.encode(), EXCHANGE); os.rmdir(spare)
            elif kind == 3:
                os.link(path, spare); os.unlink(spare)
            else:
                libc.mount(target.encode(), path.encode(), None, 4096, None)
        except OSError:
            pass
        for left in (link, spare):
            try:
                os.unlink(left)
            except OSError:
                pass
"""
ATTACK = """\
for f in . .git .git/hooks .git/modules .git/modules/m .git/worktrees sub sub/.git sub/.git/hooks deep/er deep/er/.git .vscode .vscode/x; do
  cat $f/secret $f/../secret $f/.ssh/id 2>/dev/null; echo evil > $f/evil; echo evil > $f/config; echo evil >> $f/hooks/post-commit; echo evil > $f
done 2>/dev/null
cat {outside}/secret {home}/.ssh/id {daemon_home}/daemon/token 2>/dev/null; true
"""


PATHS = (
    ".git", ".git/config", ".git/hooks", ".git/modules", ".git/modules/m", ".git/worktrees", "sub", "sub/.git", "deep", "deep/er", "deep/er/.git", ".vscode",
)  # fmt: skip


@dataclass
class Found:
    """What a run showed: how many commands ran, were refused, and what got out."""

    commands: int = 0
    refused: int = 0
    escapes: int = 0
    stray: int = 0
    flips: int = 0
    seconds: float = 0.0


def run(folder: Path, commands: int = COMMANDS) -> Found:
    """Race in a folder. The workspace is a repository with a nested one, a submodule's folder, and control files."""
    place = Place(folder)
    outside = folder / "outside"
    for path in (place.work, place.work / "sub", place.work / "deep/er", outside):
        subprocess.run(["git", "init", "-q", str(path)], check=True)
    (outside / "secret").write_text("CANARY-outside")
    (place.work / ".git/modules/m/hooks").mkdir(parents=True)
    (place.work / ".git/modules/m/HEAD").write_text("ref: refs/heads/main\n")
    (place.work / ".git/modules/m/config").write_text("[core]\n")
    (place.work / ".git/worktrees/w").mkdir(parents=True)
    (place.work / ".vscode").mkdir()
    (place.work / ".vscode/tasks.json").write_text("{}")
    (place.work / "flip.py").write_text(FLIPPER)
    kept = {path: _everything(path) for path in (outside, place.home)}
    controls = _controls(place.work)
    identities = {path: f"{path.stat().st_dev}:{path.stat().st_ino}" for path in (place.work, place.work / "sub")}
    found = Found()
    started = time.monotonic()

    async def story() -> None:
        # The inner workspace is a session of its own, whose folder lies in the other one.
        sessions = (("first", place.work), ("second", place.work), ("inner", place.work / "sub"))
        for half in (PATHS[::2], PATHS[1::2]):
            await place.command(f"{PYTHON} -S flip.py {outside} {' '.join(half)}", session="first", background=True)
        attack = ATTACK.format(outside=outside, home=place.home, daemon_home=place.daemon_home)

        async def line(number: int) -> None:
            for count in range(commands // AT_ONCE):
                session, work = sessions[(count + number) % len(sessions)]
                outcome = await place.command(attack, session=session, work=work, identity=identities[work])
                found.commands += 1
                found.refused += outcome.code in ("sandbox", "path")
                found.escapes += "CANARY" in outcome.content

        await asyncio.gather(*(line(number) for number in range(AT_ONCE)))

    try:
        place.wait(story())
    finally:
        place.close()
    found.stray = sum(before != _everything(path) for path, before in kept.items())
    # Of what a person made, nothing is changed, wherever it was moved to.
    now = list(_everything(place.work).values())
    found.stray += sum(content not in now for content in controls.values())
    found.flips = 50 * len(PATHS) // 2 * (place.work / "flips").stat().st_size
    found.seconds = time.monotonic() - started
    return found


def _everything(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file() and not file.is_symlink()
    }


def _controls(work: Path) -> dict[str, bytes]:
    return {name: content for name, content in _everything(work).items() if name.endswith(("config", "tasks.json"))}


def main() -> int:
    """Run it, say what was found; 1 when anything got out."""
    commands = int(sys.argv[1]) if len(sys.argv) > 1 else COMMANDS
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        found = run(Path(folder), commands)
    print(
        f"{found.commands} commands in {found.seconds:.0f} s, {found.refused} refused, against some {found.flips} exchanges; escapes: {found.escapes}, files changed outside or protected: {found.stray}"
    )
    return 1 if found.escapes or found.stray else 0


if __name__ == "__main__":
    sys.exit(main())
