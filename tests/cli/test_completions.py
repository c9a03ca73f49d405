"""Completions in the shells themselves: bash, zsh and fish, as a person gets them with the Tab key."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.daemon import OPTA
from support.limits import limit_s
from support.oracles import until
from support.terminal import Terminal

from opta_cli.commands.shell_completions import words_after

pytestmark = pytest.mark.system
PATH = f"{OPTA.parent}:{os.environ['PATH']}"
# What is typed -> words that are offered, and words that are not.
CASES = [
    ("opta se", {"sessions"}, {"do"}),
    ("opta sessions f", {"fork"}, {"chat", "list"}),
    ("opta do --max-", {"--max-steps", "--max-tokens"}, {"--mode"}),
    ("opta sessions show a3b2 --js", {"--json"}, set[str]()),
    ("opta sessions list ", set[str](), {"fork", "show"}),
    ("opta lmx keys ", {"add", "list", "remove"}, {"serve"}),
    ("opta completions ", {"bash", "zsh", "fish"}, set[str]()),
]


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(shell) is None, reason=f"{shell} is not installed, so its completions are not tried: apt install {shell}"
    )


def printed(shell: str, script: str, folder: Path) -> list[str]:
    environment = {"PATH": PATH, "HOME": str(folder), "OPTA_HOME": str(folder / "opta"), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [shell, "-c", script], env=environment, cwd=folder, capture_output=True, text=True, timeout=limit_s(30), check=False
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def check(offered: Callable[[str], set[str]]) -> None:
    for typed, there, not_there in CASES:
        found = offered(typed)
        assert there <= found, f"{typed!r}: {found}"
        assert not not_there & found, f"{typed!r}: {found}"


def test_bash_completes(tmp_path: Path) -> None:
    def offered(typed: str) -> set[str]:
        words = typed.split(" ")
        array = " ".join(map(shlex.quote, words))
        script = (
            f'eval "$(opta completions bash)"; COMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; _opta; printf "%s\\n" "${{COMPREPLY[@]}}"'
        )
        return set(printed("bash", script, tmp_path))

    check(offered)


@needs("fish")
def test_fish_completes(tmp_path: Path) -> None:
    def offered(typed: str) -> set[str]:
        lines = printed("fish", f"opta completions fish | source; complete -C {shlex.quote(typed)}", tmp_path)
        return {line.split("\t")[0] for line in lines}

    check(offered)
    (tmp_path / "picture.png").touch()
    assert offered("opta do --level L") == {"L1", "L2", "L3"}
    assert "picture.png" in offered("opta do --attach pic") and "picture.png" not in offered("opta do --max-steps pic")


@needs("zsh")
def test_zsh_completes(tmp_path: Path) -> None:
    (tmp_path / ".zshrc").write_text(
        "autoload -Uz compinit; compinit -u -D\nPROMPT='$ '\nsetopt no_beep\nzstyle ':completion:*' menu no\n"
        "zstyle ':completion:*' list-prompt ''\nunsetopt list_ambiguous\nLISTMAX=1000\neval \"$(opta completions zsh)\"\necho ready\n"
    )
    environment = {"PATH": PATH, "HOME": str(tmp_path), "OPTA_HOME": str(tmp_path / "opta"), "LANG": "C.UTF-8"}
    terminal = Terminal(tmp_path / "tmux", environment, tmp_path, f"env ZDOTDIR={tmp_path} zsh -i")
    try:
        assert until(lambda: "ready" in terminal.screen(), 30), terminal.screen()
        for number, (typed, there, not_there) in enumerate(CASES):

            def shown(mark: str = f"mark{number}") -> set[str]:
                lines = terminal.screen().rpartition(f"\n{mark}\n")[2].splitlines()
                # The words of a list are in front of their meanings.
                return {word for line in lines for word in (line.split() if line.startswith("$") else line.partition(" -- ")[0].split())}

            terminal.type("C-u", f"echo mark{number}", "Enter")
            assert until(lambda number=number: f"\nmark{number}\n" in terminal.screen(), 10), terminal.screen()
            terminal.type("-l", typed)
            terminal.type("Tab")
            # A single match is written into the line, several are listed below it.
            assert until(lambda there=there, shown=shown: there <= shown(), 10), f"{typed!r}: {terminal.screen()}"
            assert not not_there & shown(), f"{typed!r}: {terminal.screen()}"
    finally:
        terminal.close()


def test_every_command_is_in_every_script(tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        script = subprocess.run(
            [OPTA, "completions", shell],
            env={"PATH": PATH, "OPTA_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=limit_s(20),
            check=True,
        ).stdout
        assert [path for path in words_after() if path and f"'{path}'" not in script] == []
