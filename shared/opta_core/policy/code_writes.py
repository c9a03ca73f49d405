"""Which files the code of a line (`python -c`, a here document) replaces, and which scripts it runs, as far as its text says so.

A command that replaces a file asks, so `open("a.txt", "w")` asks as `> a.txt` does.
"""

import re

_LITERAL = r"""(?:[rbu]?(?:"[^"\n]{0,300}"|'[^'\n]{0,300}'))"""
_VALUE = rf"(?:(?:pathlib\.)?Path\(~{_LITERAL}~\)|{_LITERAL}|[^,()\n;\s][^,()\n;]{{0,120}}(?:\([^()\n]{{0,120}}\))?)"
# Calls with the argument (A) that is replaced. VALUE: any argument; ~: blanks. Ruby and Perl need no parentheses.
_REPLACING = tuple(
    re.compile(pattern.replace("VALUE", _VALUE).replace("~", r"\s{0,4}"))
    for pattern in (
        # Python
        r"""(?<![\w.])(?:io\.|codecs\.|gzip\.)?open\(~(?P<A>VALUE)~,~(?:mode~=~)?['"][rbt]*[wx+][^'"]{0,8}['"]""",
        r"""(?P<A>(?<![\w.])[\w.]{0,40}Path\(~[^()\n]{0,120}\)|\b\w{1,60}|\))\.open\(~(?:mode~=~)?['"][rbt]*[wx+][^'"]{0,8}['"]""",
        r"(?P<A>(?<![\w.])[\w.]{0,40}Path\(~[^()\n]{0,120}\)|\b\w{1,60}|\))~\.write_(?:text|bytes)\(",
        r"\bos~\.~(?:rename|replace|renames|link)\(~VALUE~,~(?P<A>VALUE)",
        r"\bshutil~\.~(?:move|copy\w{0,8})\(~VALUE~,~(?P<A>VALUE)",
        r"Path\([^()\n]{0,120}\)~\.rename\(~(?P<A>VALUE)",
        # JavaScript
        r"\b(?:writeFile(?:Sync)?|createWriteStream|outputFile(?:Sync)?|Bun~\.~write|writeTextFile(?:Sync)?|openSync)\(~(?P<A>VALUE)",
        r"\b(?:rename|cp|copyFile|link|move)Sync\(~VALUE~,~(?P<A>VALUE)",
        # Ruby
        r"\b(?:File|IO)~\.~(?:bin)?write[\s(]~(?P<A>VALUE)",
        r"""\bFile~\.~(?:open|new)[\s(]~(?P<A>VALUE)~,~['"][wr]\+?b?['"]""",
        r"\b(?:File~\.~rename|FileUtils~\.~(?:mv|cp\w{0,4}|install|ln\w{0,4}))[\s(]~VALUE~,~(?P<A>VALUE)",
        # Perl and PHP
        r"""\bopen\b[^;\n,]{0,60},~(?P<A>["']~\+?>(?!>)[^"'\n]{0,300}["'](?:~,~VALUE)?)""",
        r"(?<![\w.])(?:rename|copy|move)~\(?~VALUE~,~(?P<A>VALUE)",
        r"\bfile_put_contents~\(~(?P<A>VALUE)",
        r"""\bfopen~\(~(?P<A>VALUE)~,~['"][wxc]""",
    )
)
_RUNNING_CALL = re.compile(r"\b(subprocess|Popen|system|popen|exec\w*|spawn\w*|run_path|fork|require|import)\b|%x|`")
_SCRIPT = re.compile(r"""(?<=['"(`\s])[\w./-]{1,200}(?=['")`\s])""")
SCRIPT_SUFFIXES = (".py", ".sh", ".bash", ".js", ".mjs", ".cjs", ".ts", ".rb", ".pl", ".php", ".lua")
_IMPORT = re.compile(r"(?:^|[;\n])\s*(?:import|from)\s+([A-Za-z_][\w.]*)")
_READING_MODE = re.compile(r"['\"]r[bt]?['\"]")
_NAMES_MAX = 40


def replaced_by(text: str) -> list[str | None]:
    """The files that code creates or replaces; None for one whose name it computes."""
    found: list[str | None] = []
    text = re.sub(r"[ \t]+", " ", text)
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
