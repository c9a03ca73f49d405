"""One glob translation for rules and searches."""

import pytest

from opta_core import globs
from opta_core.policy.rules import path_fits


@pytest.mark.parametrize(
    ("glob", "fits", "fits_not"),
    [
        ("*.py", ["a.py", ".py"], ["a/b.py", "a.pyc"]),
        ("src/**/*.py", ["src/a.py", "src/x/y/a.py"], ["a.py", "srcs/a.py"]),
        ("src/**", ["src/a", "src/a/b"], ["src"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("[a-c].txt", ["b.txt"], ["d.txt"]),
        ("[!a-c].txt", ["d.txt"], ["b.txt"]),
        ("a+(b).txt", ["a+(b).txt"], ["aab.txt"]),
        ("a\n*", ["a\nb"], ["a\n/b", "a"]),
    ],
)
def test_globs(glob: str, fits: list[str], fits_not: list[str]) -> None:
    assert [path for path in (*fits, *fits_not) if globs.compiled(glob).match(path)] == fits


def test_a_set_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a valid pattern"):
        globs.compiled("[z-a]")


def test_brackets_in_a_rule_are_the_characters_of_a_file_name() -> None:
    assert path_fits("pages/[id].tsx", "pages/[id].tsx")
    assert not path_fits("pages/i.tsx", "pages/[id].tsx")
    assert path_fits("deep/down/a.key", "*.key")
