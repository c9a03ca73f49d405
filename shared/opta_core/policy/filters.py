"""Programs that only pass on what is piped into them, such as `tail -5`. They add nothing to what the rest of a line does.

A program is a filter only with options of the table and without a file to read. Grammar of a line: `PROGRAM|… OPERANDS : [LETTERS]
[?LETTERS] [--long] [--taking=]`: operands allowed, letters without a value, letters with one, long options without and with a value.
"""

import msgspec

TABLE = """
head 0 : qvz ?nc --lines= --bytes= --quiet --silent --verbose
tail 0 : qvz ?nc --lines= --bytes= --quiet --silent --verbose
wc 0 : clmwL --lines --words --bytes --chars --max-line-length
sort 0 : bdfghinMrRsuVz ?kt --key= --field-separator= --numeric-sort --reverse --unique --human-numeric-sort --version-sort
uniq 0 : cdDiuz ?fsw --count --repeated --unique --ignore-case
cat 0 : AbeEnstTuv --number --show-all
grep|egrep|fgrep 1 : EFGPivwxcoqnhHaz ?mABC --ignore-case --invert-match --count --only-matching --line-number --quiet --color --color= --colour= --extended-regexp --fixed-strings --perl-regexp --word-regexp --max-count= --after-context= --before-context= --context= --text
cut 0 : sz ?bcdf --delimiter= --fields= --bytes= --characters= --only-delimited --complement --output-delimiter=
tr 2 : cCdst --complement --delete --squeeze-repeats
nl 0 : ?bnsvw
fold 0 : bs ?w --width= --spaces
column 0 : t ?scN --table --separator=
rev|tac 0 :
paste 1 : s ?d --serial --delimiters=
expand|unexpand 0 : ai ?t --tabs=
fmt 0 : su ?w --width=
jq 1 : crRsnSCMae --raw-output --compact-output --sort-keys --slurp --exit-status --null-input --color-output --monochrome-output
"""  # fmt: skip


class Filter(msgspec.Struct, frozen=True):
    """One line of the table."""

    operands: int
    letters: frozenset[str]
    taking: frozenset[str]
    long: frozenset[str]


def is_filter(argv: tuple[str, ...]) -> bool:
    """Whether a program, called with these words behind a pipe, only passes on what it is given."""
    spec = _FILTERS.get(argv[0])
    return spec is not None and _fits(argv[1:], spec, argv[0])


def _fits(words: tuple[str, ...], spec: Filter, name: str) -> bool:
    operands = 0
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            operands += len(waiting)
            break
        if word.startswith("--"):
            head, equals, _ = word.partition("=")
            if (f"{head}=" if equals else head) not in spec.long:
                return False
        elif word.startswith("-") and word != "-":
            if name in ("head", "tail", "grep") and word[1:].isdecimal():
                continue
            for at, letter in enumerate(word[1:], 2):
                if letter in spec.taking:
                    if at == len(word) and not waiting:
                        return False
                    waiting = waiting[1:] if at == len(word) else waiting
                    break
                if letter not in spec.letters:
                    return False
        elif name == "paste" and word != "-":
            return False
        else:
            operands += 1
    # grep without its pattern is an error, and a second operand is a file.
    return operands <= spec.operands


def _filter(line: str) -> tuple[list[str], Filter]:
    about, _, rest = line.partition(" :")
    names, operands = about.rsplit(" ", 1)
    words = rest.split()
    return names.split("|"), Filter(
        operands=int(operands),
        letters=frozenset("".join(word for word in words if word[0] not in "?-")),
        taking=frozenset("".join(word[1:] for word in words if word[0] == "?")),
        long=frozenset(word for word in words if word.startswith("--")),
    )


_FILTERS = {name: spec for line in TABLE.strip().splitlines() for names, spec in [_filter(line)] for name in names}
