"""The mechanical part of the house style: what `ops/tidy_rules.py` finds, the two lists, and the tree itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tidy
import tidy_rules


def test_the_tree_is_as_tidy_as_its_lists_say() -> None:
    problems = tidy.problems(tidy.counts(), tidy.backlog(), tidy.allowed())
    assert not problems, "\n".join(problems)


def test_the_lists_are_written_as_the_command_writes_them() -> None:
    assert (tidy.ROOT / "ops/tidy_backlog.toml").read_text() == tidy.written(tidy.backlog())


Tree = Callable[[dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A small repository with these files."""

    def make(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    return make


def test_a_module_name_twice_is_found(tree: Tree) -> None:
    root = tree({"shared/a/state.py": "", "services/b/state.py": "", "services/b/journal.py": "", "shared/a/__main__.py": ""})
    assert tidy_rules.duplicate_modules(root) == {"state": 2}


def test_a_public_class_name_twice_is_found(tree: Tree) -> None:
    root = tree({"shared/a.py": "class Frame: ...\nclass _Own: ...\n", "lmx/b.py": "class Frame: ...\nclass _Own: ...\n"})
    assert tidy_rules.duplicate_classes(root) == {"Frame": 2}


@pytest.mark.parametrize(
    ("handler", "count"),
    [
        ("except Exception:\n        pass", 1),
        ("except BaseException as error:\n        print(error)", 1),
        ("except:\n        pass", 1),
        ("except (OSError, Exception):\n        pass", 1),
        ("except BaseException:\n        print()\n        raise", 0),
        ("except OSError:\n        pass", 0),
    ],
)
def test_a_handler_of_everything_is_found_unless_it_raises_again(tree: Tree, handler: str, count: int) -> None:
    root = tree({"cli/a.py": f"class Main:\n  def run(self):\n    try:\n        print()\n    {handler}\n"})
    assert tidy_rules.broad_excepts(root) == ({"cli/a.py::Main.run": count} if count else {})


def test_a_long_file_is_found_in_python_and_in_the_page(tree: Tree) -> None:
    long = "\n" * 401
    files = {"ops/a.py": long, "ops/b.py": "\n" * 400, "desktop/web/src/c.tsx": long, "desktop/web/src/d.ts": "// Generated\n" + long}
    assert tidy_rules.long_files(tree(files)) == {"ops/a.py": 401, "desktop/web/src/c.tsx": 401}


def test_a_second_spelling_is_found_in_prose_and_in_names(tree: Tree) -> None:
    root = tree(
        {
            "shared/opta_core/a.py": '"""Says what was told."""\ndef open_door(): ...\nclass FrontDoor: ...\nway_home = "all the way"\n',
            "docs/a.md": "A stand-in, mended.\n",
            "lmx/opta_lmx/line.py": "place = 1  # in place of another\n",
            "tests/a/test_b.py": "place = 1\n",
        }
    )
    assert tidy_rules.second_spellings(root) == {
        "told in shared/opta_core": 1,
        "door in shared/opta_core": 2,
        "way in names of shared/opta_core": 1,
        "stand-in in docs": 1,
        "mend in docs": 1,
        "place in names of lmx/opta_lmx": 1,
    }


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("print(store._journal)", 1),
        ("store._journal = None", 1),
        ("from opta_core.paths import _checked", 1),
        ("monkeypatch.setattr(store, '_journal', None)", 1),
        ("self._journal = None", 0),
        ("super()._begin()", 0),
        ("os._exit(1)", 0),
        ("store.__class__.__name__", 0),
    ],
)
def test_reaching_into_private_attributes_is_found(tree: Tree, line: str, count: int) -> None:
    assert tidy_rules.private_access(tree({"tests/a/test_b.py": line})) == ({"tests/a/test_b.py": count} if count else {})


@pytest.mark.parametrize(("call", "count"), [("time.sleep(0.1)", 1), ("await asyncio.sleep(1)", 1), ("await asyncio.sleep(0)", 0)])
def test_a_sleep_is_found(tree: Tree, call: str, count: int) -> None:
    assert tidy_rules.sleeps(tree({"tests/a/test_b.py": f"async def run():\n    {call}\n"})) == (
        {"tests/a/test_b.py": count} if count else {}
    )


def test_the_backlog_shrinks_and_never_grows(tree: Tree) -> None:
    root = tree(
        {
            "ops/tidy_allowed.toml": "",
            "ops/tidy_backlog.toml": '[sleeps]\n"tests/a.py" = 2\n"tests/b.py" = 1\n"tests/gone.py" = 1\n',
            "tests/a.py": "time.sleep(1)\n",
            "tests/b.py": "time.sleep(1)\ntime.sleep(1)\n",
        }
    )
    problems = tidy.shrink(root)
    assert tidy.backlog(root) == {"sleeps": {"tests/a.py": 1, "tests/b.py": 1}}
    assert [line.partition(": a test")[0] for line in problems] == ["sleeps: tests/b.py: 2, allowed 1"]


def test_what_is_better_than_its_list_is_a_problem_until_the_list_is_lower() -> None:
    assert tidy.problems({}, {"sleeps": {"tests/a.py": 1}}, {}) == [
        "sleeps: tests/a.py: 0, listed 1: run `./opta dev tidy`, which lowers the list"
    ]


def test_an_allowed_place_needs_a_reason_and_has_to_exist() -> None:
    found = {"sleeps": {"tests/a.py": 1}}
    assert tidy.problems(found, {}, {"sleeps": {"tests/a.py": "a server that stalls"}}) == []
    assert "without a reason" in tidy.problems(found, {}, {"sleeps": {"tests/a.py": ""}})[0]
    assert "no longer exists" in tidy.problems({}, {}, {"sleeps": {"tests/a.py": "a server that stalls"}})[0]
