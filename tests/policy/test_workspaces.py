"""Which folders can be the workspace of a session."""

from pathlib import Path

import pytest

from opta_core.policy.workspaces import not_a_workspace

HOME, DAEMON_FOLDERS = Path("/home/dev"), (Path("/home/dev/.opta"), Path("/srv/opta/state"))


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("/", "it is the root of the file system"),
        ("/home", "it contains home folders"),
        ("/home/dev/.opta", "it belongs to Opta itself"),
        ("/home/dev/.opta/vault", "it belongs to Opta itself"),
        ("/home/dev/.opta/workspaces", "it belongs to Opta itself"),
        ("/srv/opta/state/workspace", "it belongs to Opta itself"),
        ("/srv/opta", "it contains Opta's own files"),
        ("/home/dev", ""),
        ("/home/dev/project", ""),
        ("/home/dev/.opta/workspaces/abcdef", ""),
        ("/home/device", ""),
        ("/srv/opta/statement", ""),
        ("/home/dev/.opta-notes", ""),
    ],
)
def test_a_folder_that_would_show_the_daemon_or_other_homes_is_refused_with_its_reason(folder: str, reason: str) -> None:
    assert not_a_workspace(folder, HOME, DAEMON_FOLDERS) == (reason and f"{folder} cannot be a workspace: {reason}")
