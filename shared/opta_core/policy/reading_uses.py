"""Uses of vetoed programs that only read or show something: `ar t`, `openssl rand`, `sqlite3 app.db .schema`, `zcat`, a pager in a pipe."""

import re
from collections.abc import Callable

Words = tuple[str, ...]
_SIMPLE = r"-[a-zA-Z]+|-\d+|--colou?r(=\w+)?"
# Program -> what all its words, joined by blanks, must be.
_WHOLE = {
    program: re.compile(pattern)
    for programs, pattern in {
        "go": r"tool (cover -func=?\s?[\w./-]+|(nm|objdump|buildid|addr2line|doc)( [\w./-]+)*|pprof -(top|text|list \w+)( [\w./-]+)+|dist list|-n)",
        "ar gar": r"-?[tp]v?( .*)?",
        "openssl": r"(rand|version|dgst|md5|sha1|sha256|sha512|prime|ciphers|errstr|list)\b(?!.*(\A| )-(out|writerand|engine|provider|config|sign|prv)).*",
    }.items()
    for program in programs.split()
}
# Program -> what each of its options must be. Pagers copy when their output goes to a file or a pipe; the others unpack a file.
_OPTIONS = {
    program: re.compile(pattern)
    for programs, pattern in {
        "less": r"-[NRSFXEeMinr]+",
        "more": r"-[dfps]+",
        "bat batcat": r"-[pnA]+|--(plain|number|style=\w+|paging=never|color=\w+|language=\w+|line-range=[\d:]+)|-[lr]\w*",
        "zcat gzcat bzcat xzcat zstdcat lz4cat zgrep zegrep zfgrep bzgrep xzgrep zdiff zcmp": _SIMPLE,
    }.items()
    for program in programs.split()
}
_SQLITE_OPTION = re.compile(r"-(readonly|header|noheader|csv|json|column|box|line|list|markdown|table|tabs)")
_SQLITE_SHOWING = re.compile(r"\.(tables|schema|indexes|databases|fullschema)( \w+)?")
_SQL_READING = re.compile(
    r"(select|explain|with|values|pragma (table_info|table_list|index_list|user_version|schema_version))\b", re.IGNORECASE
)
_SQL_DOING = re.compile(r";|readfile|writefile|load_extension|fts3_tokenizer|edit\s*\(|\binto\b", re.IGNORECASE)


def only_reads(argv: Words) -> bool:
    """Whether a program of this file is used in a way that only reads or shows something."""
    name, words = argv[0], argv[1:]
    if name in _WHOLE:
        return _WHOLE[name].fullmatch(" ".join(words)) is not None
    if name in _OPTIONS:
        return all(_OPTIONS[name].fullmatch(word) for word in words if word.startswith(("-", "+")))
    return name in _CHECKS and _CHECKS[name](words)


def _reads_database(words: Words) -> bool:
    """sqlite3: whether its only statement reads. Dot commands run programs and write files, except for those that show a schema."""
    rest = [word for word in words if not _SQLITE_OPTION.fullmatch(word)]
    if len(rest) != 2 or rest[0].startswith("-"):
        return False
    statement = rest[1].strip().rstrip(";")
    if _SQLITE_SHOWING.fullmatch(rest[1]):
        return True
    return _SQL_READING.match(statement) is not None and not _SQL_DOING.search(statement)


_CHECKS: dict[str, Callable[[Words], bool]] = {"sqlite3": _reads_database}
