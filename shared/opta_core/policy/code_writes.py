"""Which files the code of a line (`python -c`, a here document) replaces, and which scripts it runs, as far as its text says so.

Undo does not cover what a command replaces, so `open("a.txt", "w")` asks as `> a.txt` does.
"""

import re

_LITERAL = r"""(?:[rbu]?(?:"[^"\n]*"|'[^'\n]*'))"""
_VALUE = rf"(?:(?:pathlib\.)?Path\(\s*{_LITERAL}\s*\)|{_LITERAL}|[^,()\n;]+(?:\([^()\n]*\))?)"
# Calls whose first (A) or second (B) argument is replaced. Ruby and Perl need no parentheses.
_REPLACING = tuple(
    re.compile(pattern.replace("VALUE", _VALUE))
    for pattern in (
        # Python
        r"""(?<![\w.])(?:io\.|codecs\.|gzip\.)?open\(\s*(?P<A>VALUE)\s*,\s*(?:mode\s*=\s*)?['"][rbt]*[wx+][^'"]*['"]""",
        r"""(?P<A>[\w.]*Path\(\s*[^()\n]*\)|\b\w+|\))\.open\(\s*(?:mode\s*=\s*)?['"][rbt]*[wx+][^'"]*['"]""",
        r"(?P<A>[\w.]*Path\(\s*[^()\n]*\)|\b\w+|\))\s*\.write_(?:text|bytes)\(",
        r"\bos\s*\.\s*(?:rename|replace|renames|link)\(\s*VALUE\s*,\s*(?P<A>VALUE)",
        r"\bshutil\s*\.\s*(?:move|copy\w*)\(\s*VALUE\s*,\s*(?P<A>VALUE)",
        r"Path\([^()\n]*\)\s*\.rename\(\s*(?P<A>VALUE)",
        # JavaScript
        r"\b(?:writeFile(?:Sync)?|createWriteStream|outputFile(?:Sync)?|Bun\s*\.\s*write|writeTextFile(?:Sync)?|openSync)\(\s*(?P<A>VALUE)",
        r"\b(?:rename|cp|copyFile|link|move)Sync\(\s*VALUE\s*,\s*(?P<A>VALUE)",
        # Ruby
        r"\b(?:File|IO)\s*\.\s*(?:bin)?write[\s(]\s*(?P<A>VALUE)",
        r"""\bFile\s*\.\s*(?:open|new)[\s(]\s*(?P<A>VALUE)\s*,\s*['"][wr]\+?b?['"]""",
        r"\b(?:File\s*\.\s*rename|FileUtils\s*\.\s*(?:mv|cp\w*|install|ln\w*))[\s(]\s*VALUE\s*,\s*(?P<A>VALUE)",
        # Perl and PHP
        r"""\bopen\b[^;\n]*?,\s*(?P<A>["']\s*\+?>(?!>)[^"'\n]*["'](?:\s*,\s*VALUE)?)""",
        r"(?<![\w.])(?:rename|copy|move)\s*\(?\s*VALUE\s*,\s*(?P<A>VALUE)",
        r"\bfile_put_contents\s*\(\s*(?P<A>VALUE)",
        r"""\bfopen\s*\(\s*(?P<A>VALUE)\s*,\s*['"][wxc]""",
    )
)
_RUNNING_CALL = re.compile(r"\b(subprocess|Popen|system|popen|exec\w*|spawn\w*|run_path|fork|require|import)\b|%x|`")
_SCRIPT = re.compile(r"""['"(`\s]((?:\./)?[\w./-]*\w)['")`\s]""")
SCRIPT_SUFFIXES = (".py", ".sh", ".bash", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".php", ".lua")
_IMPORT = re.compile(r"(?:^|[;\n])\s*(?:import|from)\s+([A-Za-z_][\w.]*)")
_READING_MODE = re.compile(r"['\"]r[bt]?['\"]")
_NAMES_MAX = 200


def replaced_by(text: str) -> list[str | None]:
    """The files that code creates or replaces; None for one whose name it computes."""
    found: list[str | None] = []
    for pattern in _REPLACING:
        for match in pattern.finditer(text):
            if "File" in match.group() and _READING_MODE.search(match.group()):
                continue
            found += _names(match.group("A").strip(), text)
            if len(found) > _NAMES_MAX:
                return [None]
    return found


def run_by(text: str) -> list[str]:
    """The words of code that may name a script which it runs."""
    if not _RUNNING_CALL.search(text):
        return []
    names = list(dict.fromkeys(_SCRIPT.findall(text)))[:_NAMES_MAX]
    return [f"{name}{suffix}" for name in names for suffix in ("", ".js") if f"{name}{suffix}".endswith(SCRIPT_SUFFIXES) or name[0] == "."]


def imported_by(text: str) -> list[str]:
    """The files that hold the modules which Python code imports, if they lie in its folder."""
    modules = dict.fromkeys(_IMPORT.findall(text))
    return [f"{module.replace('.', '/')}{end}" for module in list(modules)[:_NAMES_MAX] for end in (".py", "/__init__.py")]


def _names(value: str, text: str) -> list[str | None]:
    if inner := re.fullmatch(r"[\w.]*Path\((.*)\)", value, re.DOTALL):
        value = inner.group(1).strip()
    # Perl: open(F, ">a.txt"), open(my $f, ">", "a.txt").
    if opened := re.fullmatch(r"""["']\s*\+?>\s*([^"']*)["'](?:\s*,\s*(.*))?""", value, re.DOTALL):
        return [opened.group(1)] if opened.group(1) else _names((opened.group(2) or "").strip(), text)
    if literal := re.fullmatch(r"""[rbu]?(["'])([^"'\n]*)\1""", value):
        name = literal.group(2)
        return [name if not re.search(r"[$#]\{|\$\w", name) else None]
    if not re.fullmatch(r"\$?[A-Za-z_]\w*", value):
        return [None]
    given = re.findall(rf"""(?<![\w.]){re.escape(value)}\s*=\s*(?:[\w.]*Path\(\s*)?[rbu]?(["'])([^"'\n]*)\1\s*\)?\s*(?=[;\n]|\Z)""", text)
    assigned = len(re.findall(rf"(?<![\w.]){re.escape(value)}\s*=(?!=)|\bfor\s+{re.escape(value)}\b|\bas\s+{re.escape(value)}\b", text))
    return [name for _, name in given] if given and len(given) == assigned else [None]
