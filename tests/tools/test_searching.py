"""grep and search_files find what is there, whatever the file and the pattern look like, or say what they did not search and why."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from opta_protocol.commands import RunTool
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.file_tools import FileTools
from opta_tools.result import Outcome, ToolProblem
from opta_tools.search import ripgrep
from opta_tools.search import search as in_python
from opta_tools.search.name_glob import NameGlob
from opta_tools.search.search_child import run_search
from opta_tools.search.search_pattern import is_costly

Search = Callable[..., Outcome]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture(params=["ripgrep", "python"])
def search(request: pytest.FixtureRequest, work: Path) -> Search:
    """A search as the executor makes it, with and without ripgrep."""

    def find(name: str, **args: object) -> Outcome:
        found = asyncio.run(ripgrep.run(name, args, str(work))) if request.param == "ripgrep" else None
        if found is not None:
            return found
        if is_costly(str(args["pattern"])):
            return asyncio.run(run_search(name, args, str(work)))
        files = FileTools(Checkpoints(work.parent / "checkpoints"))
        return files.run(RunTool(callId="c1", sid="abcdef", turn="t1", name=name, args=args, cwd=str(work)))

    return find


def put(work: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(content.encode() if isinstance(content, str) else content)


def found(outcome: Outcome) -> list[str]:
    return outcome.content.split("\n")[1:]


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("x" * 5000 + " needle " + "y" * 5000 + "\n", "f:1: …" + "x" * 99 + " needle " + "y" * 193 + "…"),
        ("needle" + "y" * 100_000, "f:1: needle" + "y" * 294),
        ("z" * 3_000_000 + "\nneedle\n", "f:2: needle"),
        ("line\n" * 2_000_000 + "needle\n", "f:2000001: needle"),
        ("début needle\n".encode("latin-1"), "f:1: début needle"),
        ("a\nneedle\n".encode("utf-16"), "f:2: needle"),
        ("\ufeffneedle\n".encode("utf-16-be"), "f:1: needle"),
        ("a\nneedle\n".encode("utf-16-le"), "f:2: needle"),
        (b"\xef\xbb\xbfneedle\n", "f:1: needle"),
        ("a\r\n  needle\r\n", "f:2: needle"),
        (b"log line " * 20 + b"\0 bad\nthe needle\nmore needle\0\n", "f:2: the needle\nf:3: more needle\\0"),
        ("a" * 9000 + "\0\nneedle\n", "f:2: needle"),
        ("naïve café über ".encode() + b"\xff needle\n", "f:1: naïve café über \ufffd needle"),
    ],
    ids=["long", "longest", "behind a long line", "large", "latin-1", "utf-16", "utf-16-be", "no mark", "mark", "crlf", "nul", "late nul", "invalid"],
)  # fmt: skip
def test_a_match_is_found_in_any_text(work: Path, search: Search, content: str | bytes, shown: str) -> None:
    put(work, {"f": content})
    outcome = search("grep", pattern="needle")
    assert [line.replace("\udcff", "\ufffd") for line in found(outcome)][: shown.count("\n") + 1] == shown.split("\n")
    assert search("grep", pattern="needle", path="f").lines == outcome.lines


@pytest.mark.parametrize(
    ("pattern", "lines"),
    [
        ("one\ntwo", [1, 2]),
        (r"one\ntwo", [1, 2]),
        (r"def \w+\(\n\s+self", [4, 5]),
        (r"(?s)def.*self", [4, 5]),
        (r"two[\s\S]*?f\(", [2, 3, 4]),
        (r"(?<=o)ne$", [1]),
        (r"t(?!hree)w", [2]),
        (r"(e)l\1?f", [5]),
        (r"^two$", [2]),
        (r"\bself\b", [5]),
        ("f(", [4]),
        ("--flag", [6]),
        ("-e", [6]),
        ("use{", [7]),
        (r"interface\{\}", [8]),
        (r"a\\nb", [9]),
        (r"(a+)+\\", [9]),
    ],
)
def test_each_kind_of_pattern_is_found(work: Path, search: Search, pattern: str, lines: list[int]) -> None:
    put(work, {"f": "one\r\ntwo\r\nthree\r\ndef f(\r\n    self\r\n--flag -e\r\nuse{x}\r\ninterface{}\r\na\\nb\r\n"})
    assert [int(line.split(":")[1]) for line in found(search("grep", pattern=pattern))] == lines


@pytest.mark.parametrize("pattern", ["need(le", "[z", "*.py", "a{2,1}", "x)"])
def test_a_pattern_that_is_no_regular_expression_is_taken_literally_and_that_is_said(work: Path, search: Search, pattern: str) -> None:
    assert f"for {pattern}" in search("grep", pattern=pattern).content
    put(work, {"f": f"a {pattern} b\n"})
    outcome = search("grep", pattern=pattern)
    assert found(outcome) == [f"f:1: a {pattern} b"]


@pytest.mark.parametrize(
    ("glob", "names"),
    [
        ("*.ts", {"a.ts", "src/b.ts", "src/app/d.ts"}),
        ("*.{ts,tsx}", {"a.ts", "src/b.ts", "src/c.tsx", "src/app/d.ts", "src/app/[id]/page.tsx"}),
        ("src/**/*.{ts,tsx}", {"src/b.ts", "src/c.tsx", "src/app/d.ts", "src/app/[id]/page.tsx"}),
        ("src/*.ts", {"src/b.ts"}),
        ("./src/*.ts", {"src/b.ts"}),
        ("src/", {"src/b.ts", "src/c.tsx", "src/app/d.ts", "src/app/[id]/page.tsx"}),
        ("src/app", {"src/app/d.ts", "src/app/[id]/page.tsx"}),
        ("!*.ts", {"src/c.tsx", "src/app/[id]/page.tsx", "e.py"}),
        ("!src/**", {"a.ts", "e.py"}),
        ("*.py,*.tsx", {"e.py", "src/c.tsx", "src/app/[id]/page.tsx"}),
        ("*.py, *.tsx", {"e.py", "src/c.tsx", "src/app/[id]/page.tsx"}),
        ("*.ts !src/**", {"a.ts"}),
        ("[ab].ts", {"a.ts", "src/b.ts"}),
        ("src/app/[id]/page.tsx", {"src/app/[id]/page.tsx"}),
        ("{a,e}.{ts,py}", {"a.ts", "e.py"}),
        ("s{rc/{b,c},x}.ts*", {"src/b.ts", "src/c.tsx"}),
        ("e.py", {"e.py"}),
    ],
)
def test_a_glob_chooses_the_files(work: Path, search: Search, glob: str, names: set[str]) -> None:
    put(work, dict.fromkeys(("a.ts", "src/b.ts", "src/c.tsx", "src/app/d.ts", "src/app/[id]/page.tsx", "e.py"), "needle\n"))
    assert {line.split(":")[0] for line in found(search("grep", pattern="needle", glob=glob))} == names
    if not glob.startswith("src/a") and glob not in ("src/", "e.py"):
        assert set(found(search("search_files", pattern=glob))) == names
    inside = {name for name in names if name.startswith("src/")}
    assert {line.split(":")[0] for line in found(search("grep", pattern="needle", glob=glob, path="src"))} >= inside


@pytest.mark.parametrize(
    "pattern", ["src/app/[id]/page.tsx", "[id]/page.tsx", "page.tsx", "app/*/page.tsx", "PAGE.tsx", "**/Page.*", "[id]"]
)
def test_a_file_is_found_by_its_name(work: Path, search: Search, pattern: str) -> None:
    put(work, {"src/app/[id]/page.tsx": "x", "other.py": "y"})
    expected = [] if pattern == "[id]" else ["src/app/[id]/page.tsx"]
    assert found(search("search_files", pattern=pattern)) == expected
    assert found(search("search_files", pattern=f"{work}/src/app/[id]/page.tsx")) == ["src/app/[id]/page.tsx"]


def test_what_is_found_nowhere_else_is_looked_for_in_what_git_ignores(work: Path, search: Search) -> None:
    put(
        work,
        {
            ".gitignore": "*.log\nbuild/\n",
            "x.log": "ignored needle\n",
            "build/y.py": "built\n",
            "node_modules/m/i.js": "module\n",
            "a": "be\n",
        },
    )
    for pattern, path in (("needle", "x.log"), ("built", "build/y.py"), ("module", "node_modules/m/i.js")):
        outcome = search("grep", pattern=pattern)
        assert found(outcome)[0].startswith(f"{path}:1: ")
        assert "git ignores" in outcome.content.split("\n")[0]
        assert search("search_files", pattern=path.rsplit("/", 1)[-1]).content.endswith(f"\n{path}")
    assert search("grep", pattern="absent").content == "no matches for absent"
    assert search("search_files", pattern="absent").content == "no files matching absent"
    assert found(search("grep", pattern="be")) == ["a:1: be"]
    assert found(search("grep", pattern="module", path="node_modules/m")) == ["node_modules/m/i.js:1: module"]


def test_what_is_not_shown_is_said(work: Path, search: Search) -> None:
    put(work, {"p.png": b"\x89PNG\0\1\2\3\4\5\6\7\0\0\0\1needle", "q.bin": bytes(range(256)) + b"other"})
    assert search("grep", pattern="needle").content == "no matches for needle\n[binary files that match: p.png]"


def test_secrets_and_what_lies_outside_are_not_found_in_a_second_look(work: Path, search: Search) -> None:
    put(work, {".gitignore": ".env\n", ".env": "TOKEN=needle\n", ".git/config": "needle\n", "sub/id_rsa": "needle\n"})
    put(work.parent, {"out/f": "needle\n"})
    (work / "link").symlink_to(work.parent / "out")
    assert search("grep", pattern="needle").content == "no matches for needle"
    assert search("grep", pattern="ñeedle|needle").content == "no matches for ñeedle|needle"
    assert search("search_files", pattern="f").content.count("link") == 0


@pytest.mark.parametrize(("encoding", "text"), [("cp1252", "café"), ("utf-16", "日本"), ("utf-8", "日本")])
def test_text_beyond_ascii_is_found_in_its_encoding(work: Path, search: Search, encoding: str, text: str) -> None:
    put(work, {"f": f"first\n{text} here\n".encode(encoding), "g": "日本は中 cafe\n"})
    assert f"f:2: {text} here" in found(search("grep", pattern=text))


@pytest.mark.parametrize(
    ("encoding", "text"), [("gbk", "中文测试"), ("shift_jis", "日本語テスト"), ("euc-kr", "한국어"), ("big5", "繁體中文")]
)
def test_ripgrep_finds_text_in_encodings_of_east_asia(work: Path, encoding: str, text: str) -> None:
    put(work, {"f": f"first\n{text} here\n".encode(encoding), "g": "日本は中 cafe\n"})
    outcome = asyncio.run(ripgrep.run("grep", {"pattern": text}, str(work)))
    assert outcome is not None
    assert outcome.content == f"1 match for {text} (in files that are {encoding} text)\nf:2: {text} here"


def test_many_matches_are_kept_to_be_read_on_in(work: Path, search: Search) -> None:
    put(work, {"many": "hit\n" * 5000})
    outcome = search("grep", pattern="hit")
    assert outcome.lines == 5000
    assert outcome.content.endswith("\n… 4800 more")
    assert outcome.whole.count("\n") == 2000


def test_a_search_that_takes_too_long_shows_what_it_found(work: Path, search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    put(work, {f"d{number}/f": "needle\n" for number in range(30)})
    monkeypatch.setattr(in_python, "FILES_MAX", 10)
    outcome = search("grep", pattern="needle")
    assert outcome.lines == 30 or (outcome.lines >= 10 and outcome.content.endswith("give a narrower path]"))


@pytest.mark.parametrize(
    "args", [{"pattern": ""}, {"pattern": "x" * 1001}, {"pattern": "x", "glob": "{a,b}" * 7}, {"pattern": "x", "path": "gone"}]
)
def test_what_cannot_be_searched_is_an_error(search: Search, args: dict[str, object]) -> None:
    with pytest.raises(ToolProblem):
        search("grep", **args)


@pytest.mark.parametrize("pattern", ["foo(bar)", "a[0]", "x.y(", "what?!", "$HOME/x", "a+b", "p|q|^"])
def test_text_with_special_characters_is_found_as_it_is(work: Path, search: Search, pattern: str) -> None:
    put(work, {"f": f"see {pattern} here\n"})
    assert f"f:1: see {pattern} here" in found(search("grep", pattern=pattern))
    put(work, {"g": f"see {pattern}\nand more\nmore\n"})
    assert search("grep", pattern=f"{pattern}\nand").content.count("\ng:") >= 1


@pytest.mark.parametrize("pattern", ["a\0b", "\ud800", "\0"])
def test_characters_that_no_text_has_are_an_error(search: Search, pattern: str) -> None:
    with pytest.raises(ToolProblem, match="a character that no text has"):
        search("grep", pattern=pattern)


def test_a_glob_with_braces_that_do_not_close_is_a_name() -> None:
    assert NameGlob("a{b").matches("x/a{b")
    assert NameGlob("{}").matches("{}")
    assert NameGlob("{1..3}").matches("{1..3}")
    assert not NameGlob("a,b").matches("a")
    assert NameGlob("a,b").matches("a,b")


def test_names_that_are_no_utf_8_are_found(work: Path, search: Search) -> None:
    put(work, {"a": "x"})
    Path(str(work) + "/bad\udcff.txt").write_text("needle\n")
    assert search("grep", pattern="needle").lines == 1
    assert search("search_files", pattern="*bad*").lines == 1
