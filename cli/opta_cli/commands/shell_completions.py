"""opta completions: what a shell needs to complete commands and options. Generated from the tree of commands."""

import argparse
from typing import Any

from ..cli_command import CliCommand, Group, parser_of
from ..command_tree import TREE, below, top
from ..exit_codes import ExitCode


def completions(loaded: Any, args: argparse.Namespace) -> int:
    """opta completions bash|zsh|fish"""
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](), end="")
    return ExitCode.done


def words_after() -> dict[str, list[tuple[str, str]]]:
    """Words that a person has typed -> the words that can follow, each with its meaning. `''`: after `opta` alone."""
    found: dict[str, list[tuple[str, str]]] = {"": []}

    def walk(path: str, entry: CliCommand | Group) -> None:
        if isinstance(entry, CliCommand):
            found[path] = _options(path, entry)
            return
        entries = below(entry)
        found[path] = [(each.name, each.text) for each in entries]
        for each in entries:
            walk(f"{path} {each.name}", each)

    for name in TREE:
        entry = top(name)
        found[""].append((name, entry.text))
        walk(name, entry)
    return found


def _options(path: str, command: CliCommand) -> list[tuple[str, str]]:
    parser = parser_of(f"opta {path}", command)
    rows: list[tuple[str, str]] = []
    for action in parser._actions:
        if action.option_strings:
            spellings = [word for word in action.option_strings if word.startswith("--")] or action.option_strings
            rows += [(word, action.help or "") for word in spellings]
        elif action.choices:
            rows += [(str(choice), action.help or "") for choice in action.choices if str(choice)]
    return rows


def _bash() -> str:
    cases = "".join(f"    '{path}') words='{' '.join(word for word, _ in words)}' ;;\n" for path, words in words_after().items())
    return f"""# Completions of opta for bash. In ~/.bashrc: eval "$(opta completions bash)"
_opta() {{
  local path='' word words=''
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in -*) break ;; esac
    path="${{path:+$path }}$word"
  done
  while :; do
    words=''
    case $path in
{cases}    esac
    [ -n "$words" ] && break
    case $path in *' '*) path=${{path% *}} ;; *) break ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _opta opta
"""


def _zsh() -> str:
    cases = "".join(
        f"      {_quoted(path)}) choices=({' '.join(_quoted(f'{word}:{_flat(text)}') for word, text in words)}) ;;\n"
        for path, words in words_after().items()
    )
    return f"""#compdef opta
# Completions of opta for zsh. In ~/.zshrc: eval "$(opta completions zsh)"
_opta() {{
  local typed='' word
  local -a choices
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    [[ $word == -* ]] && break
    typed="${{typed:+$typed }}$word"
  done
  while true; do
    choices=()
    case $typed in
{cases}    esac
    (( $#choices )) && break
    [[ $typed == *' '* ]] || break
    typed=${{typed% *}}
  done
  (( $#choices )) && _describe 'opta' choices
  [[ -n $typed && ${{words[CURRENT]}} != -* ]] && _files
}}
compdef _opta opta
"""


def _fish() -> str:
    known = words_after()
    rows = [
        f"""# Completions of opta for fish: opta completions fish > ~/.config/fish/completions/opta.fish
# The command that was typed so far, without its arguments.
function __opta_command
  set -l known {" ".join(_quoted(path) for path in known if path)}
  set -l typed
  for word in (commandline -opc)[2..]
    string match -q -- '-*' $word; and break
    set -a typed $word
  end
  while set -q typed[1]; and not contains -- "$typed" $known
    set -e typed[-1]
  end
  echo "$typed"
end
function __opta_at
  test (__opta_command) = "$argv"
end
complete -c opta -f"""
    ]
    for path, words in known.items():
        condition = f"__opta_at {path}".rstrip()
        for word, text in words:
            what = f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" if word.startswith("-") else f"-a {word}"
            rows.append(f"complete -c opta -n {_quoted(condition)} {what}{_value(path, word)} -d {_quoted(_flat(text))}")
    rows += [f"complete -c opta -n {_quoted(f'__opta_at {path}')} -F" for path in known if path and path in _TAKES_FILES]
    return "\n".join(rows) + "\n"


# Commands whose arguments are files, beside options that are.
_TAKES_FILES = frozenset({"models import", "account import", "account export"})


def _value(path: str, word: str) -> str:
    """What fish has to know of an option's value: that there is one, and whether it is a file or one of some words."""
    if not word.startswith("-"):
        return ""
    entry: CliCommand | Group = top(path.split()[0])
    for name in path.split()[1:]:
        entry = next(each for each in below(entry) if each.name == name) if isinstance(entry, Group) else entry
    assert isinstance(entry, CliCommand)
    action = parser_of(f"opta {path}", entry)._option_string_actions[word]
    if action.nargs == 0:
        return ""
    if action.choices:
        return f" -xa {_quoted(' '.join(map(str, action.choices)))}"
    return " -rF" if action.metavar in ("FILE", "FOLDER") else " -x"


def _flat(text: str) -> str:
    return " ".join(text.replace(":", " ").split())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
