"""The inode numbers of control files that a person removed, given to files of a command: these are still no control files of the person."""

import json

import pytest
from support.contained import PYTHON, Place
from support.git import file
from support.oracles import until

# Many, because other processes of the machine take numbers too: one number that comes again is enough.
NAMES = (".envrc", ".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".cshrc", ".inputrc", ".tmux.conf")

_TAKE_NUMBERS = """
import json, os, sys, time
wanted = {os.stat(name).st_ino: name for name in json.loads(sys.argv[1])}
open('began', 'w')
while any(map(os.path.exists, wanted.values())): time.sleep(0.05)
time.sleep(2.5)
taken = []
for n in range(20000):
    with open(f't{n}', 'w') as f: f.write('evil')
    name = wanted.pop(os.stat(f't{n}').st_ino, '')
    if name:
        os.rename(f't{n}', name); taken.append(name)
    if not wanted: break
with open('part', 'w') as f: json.dump(taken, f)
os.rename('part', 'taken')
time.sleep(30)
"""


def test_the_numbers_of_control_files_that_were_removed(place: Place) -> None:
    file(place.work / "attack.py", _TAKE_NUMBERS)
    for _ in range(4):
        controls = [file(place.work / name) for name in NAMES]
        job = place.begin(f"{PYTHON} -S attack.py '{json.dumps(NAMES)}'")
        assert until((place.work / "began").exists), "the command began"
        place.pass_time(2.5)
        for control in controls:
            control.unlink()
        place.pass_time_until((place.work / "taken").exists, 30)
        taken = json.loads((place.work / "taken").read_text())
        said = place.stop(job)
        said += place.run("true").content
        assert not any(control.exists() for control in controls), said
        if taken:
            return
        # Other processes of a busy machine took all of the numbers.
        for made in (place.work / "began", place.work / "taken", *place.work.glob("t[0-9]*")):
            made.unlink()
    pytest.fail("no number ever came again")
