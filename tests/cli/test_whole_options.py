"""Options are taken by their whole names only."""

import pytest

from opta_cli.main import read


@pytest.mark.parametrize(
    "arguments",
    [["do", "--mode", "plan", "go"], ["do", "--max-step", "3", "go"], ["sessions", "undo", "abc", "--dry"], ["up", "--no"]],
)
def test_the_beginning_of_an_option_is_no_option(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read(arguments)
    assert ended.value.code == 2
    assert "There is no option" in capsys.readouterr().err


def test_whole_options_are_read() -> None:
    assert read(["do", "--plan", "--model=a/b", "go"])[1].model == "a/b"
    assert read(["sessions", "undo", "abc", "--dry-run"])[1].dry_run
