"""Options that name a file which a compiler, a test or a linter writes, such as `gcc -o x`: they may replace a text of the workspace.

Replacing a program, a report or what lies in a folder of build output is their ordinary work.
"""

import os
import re

from .program_names import names_of

_PROGRAMS = {
    program: re.compile(pattern)
    for programs, pattern in {
        "gcc g++ cc c++ clang clang++ gfortran rustc as ld nasm tcc": r"-o|-MF",
        "go": r"-o|--?(coverprofile|cpuprofile|memprofile|blockprofile|mutexprofile|trace)",
        "pytest py.test": r"--(junit-?xml|log-file|debug|report-log|html|json-report-file)",
        "eslint stylelint oxlint biome": r"-o|--output-file",
        "ruff flake8 pylint mypy bandit pyright radon": r"-o|--(output-file|output|tee-output|junit-xml|linecount-report)",
        "coverage": r"-o|--data-file",
        "tsc": r"--(outFile|tsBuildInfoFile|generateTrace)",
        "jest vitest mocha": r"--(outputFile|output-file)(\.\w+)?",
        "rubocop rspec phpunit phpstan": r"-o|--(out|log-junit|testdox-text|testdox-html|log-teamcity|generate-baseline)",
        "cargo rustdoc rustfmt swiftc kotlinc javac": r"-o",
    }.items()
    for program in programs.split()
}
_REPORTS = (".xml", ".html", ".log", ".lcov", ".info", ".out", ".sarif", ".prof", ".tsbuildinfo", ".d", ".map", ".s", ".ll", ".i")
_OUTPUT_FOLDERS = frozenset("dist build out output target bin obj coverage reports htmlcov tmp .cache".split())
_HEAD_BYTES = 4096


def replaced_text(argv: tuple[str, ...], folders: tuple[str, ...]) -> str:
    """Why a command asks whose output would replace a text file; '' when it does not."""
    options = next((_PROGRAMS[name] for name in names_of(argv[0]) if name in _PROGRAMS), None)
    if options is None:
        return ""
    for word, following in zip(argv[1:], (*argv[2:], ""), strict=False):
        head, equals, value = word.partition("=")
        if equals and options.fullmatch(head):
            target = value
        elif options.fullmatch(word):
            target = following
        elif word.startswith("-o") and options.fullmatch("-o") and not equals:
            target = word[2:]
        else:
            continue
        if any(_is_text(os.path.join(folder, target)) for folder in folders) and not _is_output(target):
            return f"{argv[0]} replaces {target[:60]}"
    return ""


def _is_output(target: str) -> bool:
    return target.endswith(_REPORTS) or bool(_OUTPUT_FOLDERS & set(target.split("/")[:-1]))


def _is_text(path: str) -> bool:
    if not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as handle:
            content = handle.read(_HEAD_BYTES)
    except OSError:
        return False
    return bool(content) and b"\0" not in content
