"""`opta`, but the processes of the daemon that it starts are started by `start.py`: no variable of a shell can do that."""

import sys
from pathlib import Path

from opta_cli import main, supervise

_environment = supervise.environment


def _with_crashes(*arguments: object) -> dict[str, str]:
    return _environment(*arguments) | {"OPTA_PYTHON": f"{sys.executable} -I -u {Path(__file__).with_name('start.py')}"}  # type: ignore[arg-type]


supervise.environment = _with_crashes
sys.exit(main.main())
