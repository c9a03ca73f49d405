"""Every row of the attack suite has a test here, and none of them is skipped."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent.parent


def test_each_of_the_eighty_rows_has_a_test() -> None:
    found: set[str] = set()
    for file in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "attack":
                found |= {
                    argument.value for argument in node.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                }
    assert found == {f"A{number:02}" for number in range(1, 81)}


def test_no_attack_is_skipped() -> None:
    for file in Path(__file__).parent.glob("test_*.py"):
        if file != Path(__file__):
            assert "pytest.skip" not in (text := file.read_text()), file
            assert "mark.skip" not in text, file
