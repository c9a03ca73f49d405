"""Rows A27-A37 and A34: command lines that want to be more than they look like. Only the user's rules are loosened."""

import shutil
import time
import unicodedata
from typing import Any

import pytest

from opta_core.policy import command_line
from opta_core.policy.actions import normalise
from opta_core.policy.layers import Layers
from opta_core.policy.rules import Rule
from opta_core.policy.verdict import Situation, Verdict, judge
from opta_protocol.permissions import Level
from opta_protocol.tools.shell import RUN_COMMAND

PATH = "/usr/local/bin:/usr/bin:/bin"
_ALLOWED = ["git status", "git diff", "git log", "npm test", "ls", "cat", "echo", "find", "rg", "sed -n", "git grep", "sort", "tree"]
RULES = (
    *(Rule(effect="deny", tool="run_command", command=(name,)) for name in ("rm", "curl")),
    *(Rule(effect="allow", tool="run_command", command=tuple(words.split())) for words in _ALLOWED),
)


def verdict(command: str, cwd: str = "/w", **fields: Any) -> Verdict:
    request = normalise(RUN_COMMAND, {"command": command}, cwd, path=PATH)
    return judge(request, Situation(level=Level.L2, layers=Layers(user=RULES), **fields))


@pytest.mark.parametrize(
    "command", ["ls", "git status", "git diff HEAD~1 -- a.py", "echo 'a; rm b'", "cat a b | ls", "find . -name '*.py'", "sed -n 1,9p a"]
)
def test_what_is_allowed_runs_without_a_question(command: str) -> None:
    assert verdict(command).effect == "allow"


@pytest.mark.attack("A27")
@pytest.mark.parametrize(
    "command", ["ls; touch M", "ls && touch M", "ls || touch M", "ls | touch M", "ls & touch M", "ls\ntouch M", "ls;touch M;ls"]
)
def test_a_line_is_as_severe_as_its_worst_part(command: str) -> None:
    assert verdict(command).effect == "ask"


@pytest.mark.attack("A28")
@pytest.mark.parametrize(
    "command",
    ["echo $(touch M)", "echo `touch M`", 'echo "$(touch M)"', "cat <(touch M)", "echo ${x:-$(touch M)}", "cat <<E\n$(touch M)\nE", "echo $((x))", "echo *", "echo $'a'"],
)  # fmt: skip
def test_words_that_the_shell_expands_are_not_plain(command: str) -> None:
    assert verdict(command).effect == "ask"


@pytest.mark.attack("A29")
@pytest.mark.parametrize(
    ("command", "effect", "shown"),
    [
        ("git log > ~/.bashrc", "deny", ".bashrc"),
        ("echo x >> .git/config", "deny", ".git/config"),
        ("echo x > .opta/policy.yaml", "deny", ".opta/policy.yaml"),
        ("ls 2>M", "ask", "M"),
        ("cat < /etc/shadow", "ask", "/etc/shadow"),
        ("echo x >| M", "ask", "M"),
        ("ls &>M", "ask", "M"),
    ],
)
def test_redirections_ask_with_the_path_and_never_reach_a_protected_file(command: str, effect: str, shown: str) -> None:
    found = verdict(command)
    assert (found.effect, shown in found.rule) == (effect, True), found


@pytest.mark.attack("A30")
@pytest.mark.parametrize(
    "command",
    ["FOO=1 ls", "PATH=. ls", "LD_PRELOAD=./x.so ls", "GIT_PAGER='touch M' git log", "BASH_ENV=./x bash -c ls", "env ls", "command touch M", "export PATH=.; ls"],
)  # fmt: skip
def test_a_changed_environment_is_not_plain(command: str) -> None:
    assert verdict(command).effect == "ask"


@pytest.mark.attack("A31")
@pytest.mark.parametrize(
    "command",
    [
        r"find . -exec touch M \;", "find . -execdir touch M +", "find . -ok touch M", "find . -delete", "find . -fprint M", "find . -fls M",
        "rg --pre ./x y", "rg --pre=./x y", "rg --hostname-bin=./x y", "sed -n '1e touch M' f", "sed -i s/a/b/ f", "sed -n -i s/a/b/ f", "sed -n 'w M' f",
        "sed -n --in-place p f", "sed -n p -f script", "sort -o M f", "sort --outp=M f", "tree -o M", "sed -n -e p -e 'w M' f", "sed -n 's/a/b/w M' f", "sed -n s/a/b/e f",
    ],
)  # fmt: skip
def test_an_allowed_program_is_not_allowed_what_its_options_make_of_it(command: str) -> None:
    assert verdict(command).effect == "ask"


@pytest.mark.attack("A32")
@pytest.mark.parametrize(
    "command",
    ["git -c alias.x='!touch M' x", "git diff --output=M", "git grep -Otouch x", "git --exec-path=. status", "git diff --ext-diff", "git log --outp=M", "git -C /x status"],
)  # fmt: skip
def test_git_options_that_run_or_write_ask(command: str) -> None:
    assert verdict(command).effect == "ask"


@pytest.mark.attack("A33")
@pytest.mark.parametrize(
    "command",
    ["bash -c 'touch M'", "sh x.sh", "python -c 'x'", "python3 x.py", "node -e x", "ls | xargs touch", "eval touch M", ". ./x", "source x", "sudo ls", "timeout 5 touch M", "/bin/ls", "./ls"],
)  # fmt: skip
def test_programs_that_run_others_ask(command: str) -> None:
    assert verdict(command).effect == "ask"


@pytest.mark.attack("A33")
@pytest.mark.parametrize(
    "command",
    [
        "rm x",
        "sudo rm x",
        "ls | xargs rm",
        r"\rm x",
        "r''m x",
        "/bin/rm x",
        "$(which rm) x",
        "'r'm x",
        "ls && rm x",
        "bash -c 'rm x'",
        "true | rm x",
    ],
)
def test_a_deny_rule_sees_through_wrappers_quotes_and_paths(command: str) -> None:
    assert verdict(command).effect == "deny"


@pytest.mark.attack("A34")
@pytest.mark.parametrize("command", ["git statusx", "git status-evil", "npm test:evil", "lsof", "catx", "lsx", "git", "ｌs"])
def test_rules_match_whole_words(command: str) -> None:
    assert verdict(command).effect == "ask"


@pytest.mark.attack("A35")
@pytest.mark.parametrize(
    "command",
    [
        " && ".join(["ls"] * 59 + ["rm -rf x"]), " && ".join(["ls"] * 499 + ["rm -rf x"]), " && ".join(["ls"] * 5000 + ["rm -rf x"]),
        "$(" * 400 + "rm x" + ")" * 400, "ls " + "a" * 1024 * 1024 + "; rm x", "ls " + "b " * 100_000 + "; rm x",
    ],
    ids=["60", "500", "5001", "nested", "megabyte", "words"],
)  # fmt: skip
def test_a_line_of_any_size_is_judged_soon_and_its_deny_is_found(command: str) -> None:
    started = time.process_time()
    assert verdict(command).effect == "deny"
    assert time.process_time() - started < 1.0


@pytest.mark.attack("A36")
@pytest.mark.parametrize(
    "command",
    ["ls 'abc", "ls;;touch M", "cat <<'E' 2>&1 | rm -rf x\nmsg\nE", "{rm,-rf,x}", "while case $x in a) true;; esac do rm x; done", "ls (", "if", "ls &&", "| ls", "", "ls \\"],
)  # fmt: skip
def test_what_cannot_be_read_is_never_allowed(command: str) -> None:
    found = verdict(command)
    assert found.effect == ("deny" if "rm" in command else "ask")


@pytest.mark.attack("A36")
@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\x1b", "\x08", "\u2066", "\U000e0041", "\u00ad", "\r"])
def test_characters_that_deceive_the_eye_are_refused(character: str) -> None:
    assert verdict(f"ls {character}x").effect == "deny"


@pytest.mark.attack("A36")
def test_what_unicode_calls_invisible_is_deceiving_and_what_people_write_is_not() -> None:
    ignorable = [*range(0x180B, 0x1810), 0x3164, 0xFFA0, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x2800, *range(0xFFF0, 0xFFF9), *range(0x1BCA0, 0x1BCA4),
                 *range(0x1D173, 0x1D17B), *range(0xE0000, 0xE1000), *range(0xFE00, 0xFE10), 0x034F, 0x00AD, 0x061C]  # fmt: skip
    # Of the format characters only those that are drawn: signs that stand before or over numbers and verses.
    drawn = {*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD}
    formats = [code for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cf", "Cc", "Zl", "Zp")]
    missed = [
        f"{code:X}"
        for code in [*ignorable, *formats]
        if code not in (0x09, 0x0A) and code not in drawn and not command_line.deceiving(chr(code))
    ]
    assert missed == []
    for text in ("naïve café", "日本語　テスト", "한국어", "עברית", "العربية", "ไทย", "हिन्दी", "e\u0301", "→ ✓ 🎉", "a\tb\nc", "« x »"):
        assert command_line.deceiving(text) == "", text


def test_a_program_of_the_workspace_is_never_the_one_that_runs(tmp_path: Any) -> None:
    evil = tmp_path / "bin"
    evil.mkdir()
    (evil / "ls").write_text("#!/bin/sh\ntouch M\n")
    (evil / "ls").chmod(0o755)
    request = normalise(RUN_COMMAND, {"command": "ls"}, str(tmp_path), path=f"{evil}:.:{PATH}")
    assert request.actions[0].program == shutil.which("ls", path=PATH)


EVERYDAY = [
    "ls -la", "cat README.md", "pwd", "git status", "git diff", "git add -A", "git commit -m 'Fix: the thing'", "git log --oneline -5", "git checkout -b feature",
    "grep -rn 'def main' src", "rg TODO src", "find . -name '*.py'", "head -50 a.py", "wc -l a.py", "mkdir -p src/new", "cp a.txt b.txt", "mv a.txt b.txt",
    "npm test", "npm run build", "make test", "pytest -q tests/test_a.py::test_b", "python -m pytest -x", "cargo build --release", "cd sub && make -j4",
]  # fmt: skip


@pytest.mark.parametrize("command", EVERYDAY)
def test_everyday_commands_stay_plain(command: str) -> None:
    line = command_line.read(command, command_line.search_path(PATH, "/w"), "/w")
    assert line.is_plain, line.why
    again = command_line.read(line.as_shell().replace("/usr/bin/", ""))
    assert [part.argv for part in again.parts] == [part.argv for part in line.parts]


def test_there_are_24_everyday_commands() -> None:
    assert len(set(EVERYDAY)) == 24
