"""Whether a sed program only prints, deletes and substitutes. sed can also run programs and write files."""

import re

_OPTIONS = re.compile(r"-[nErsuz]+|--(quiet|silent|regexp-extended|separate|null-data|unbuffered|debug|posix|sandbox)")
_ADDRESS = re.compile(r"\s*(?:\d+(?:~\d+)?|\$|/(?:[^/\\\n]|\\.)*/I?|\\(.)(?:(?!\1)[^\\\n]|\\.)*\1I?|[+~]\d+)")
_SIMPLE = frozenset("pdqQ=nNgGhHxDPlzF")


def sed_problem(argv: tuple[str, ...]) -> str:
    """Why a sed command asks; '' when all that it does is shown."""
    scripts: list[str] = []
    operands: list[str] = []
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if word in ("-e", "--expression") or re.fullmatch(r"-[nErsuz]+e", word):
            if not words:
                return "sed -e names no program"
            scripts.append(words.pop(0))
        elif word.startswith("--expression="):
            scripts.append(word.partition("=")[2])
        elif word.startswith("-") and word != "-":
            if not _OPTIONS.fullmatch(word):
                return f"sed {word[:30]} is an option that is not judged"
        else:
            operands.append(word)
    if not scripts:
        if not operands:
            return "sed is given no program"
        scripts.append(operands.pop(0))
    return next((f"sed may run a program or write a file with {script[:40]!r}" for script in scripts if not _only_edits(script)), "")


def _only_edits(script: str) -> bool:
    at = 0
    depth = 0
    while at < len(script):
        if script[at] in " \t\n;":
            at += 1
            continue
        if script[at] == "}":
            depth -= 1
            at += 1
            continue
        at = _after_addresses(script, at)
        if at >= len(script):
            return False
        command = script[at]
        at += 1
        if command == "{":
            depth += 1
        elif command in _SIMPLE:
            while at < len(script) and (script[at].isdigit() or script[at] == " "):
                at += 1
            if at < len(script) and script[at] not in ";\n}":
                return False
        elif command in "btT:":
            found = re.compile(r"\s*[\w.-]*\s*(?=[;\n}]|\Z)").match(script, at)
            if not found:
                return False
            at = found.end()
        elif command in "sy":
            end = _after_substitution(script, at, command)
            if end < 0:
                return False
            at = end
        elif command in "aic":
            # The text goes on to the end of the line.
            end = script.find("\n", at)
            if end > 0 and script[end - 1] == "\\":
                return False
            at = len(script) if end < 0 else end
        elif command == "#":
            end = script.find("\n", at)
            at = len(script) if end < 0 else end
        else:
            return False
    return depth == 0


def _after_addresses(script: str, at: int) -> int:
    for _ in range(2):
        found = _ADDRESS.match(script, at)
        if not found:
            break
        at = found.end()
        if script[at : at + 1] != ",":
            break
        at += 1
    while at < len(script) and script[at] in " \t!":
        at += 1
    return at


def _after_substitution(script: str, at: int, command: str) -> int:
    """The place behind `s/a/b/flags`; -1 when its flags run or write something, or it is not complete."""
    if at >= len(script) or script[at] in "\\\n":
        return -1
    limit = script[at]
    at += 1
    for part in range(2):
        in_brackets = False
        while at < len(script):
            character = script[at]
            if character == "\\":
                at += 2
                continue
            if part == 0 and character == "[" and not in_brackets:
                # A limit within brackets ends the pattern in some versions, so it is not judged.
                close = script.find("]", at + 2)
                if close > 0 and limit in script[at:close]:
                    return -1
            if character == limit:
                break
            at += 1
        if at >= len(script):
            return -1
        at += 1
    found = re.compile(r"[gpIiM\d]*").match(script, at) if command == "s" else re.compile("").match(script, at)
    assert found is not None
    at = found.end()
    return at if at >= len(script) or script[at] in "; \t\n}" else -1
