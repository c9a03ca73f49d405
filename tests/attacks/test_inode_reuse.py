"""The inode number of a control file that a person removed, given to a file of a command: the file is still no control file of the person."""

import pytest
from support.contained import PYTHON, Place
from support.git import file
from support.oracles import until

_TAKE_NUMBER = """
import os, time
wanted = os.stat('.envrc').st_ino
open('began', 'w')
while os.path.exists('.envrc'): time.sleep(0.05)
time.sleep(2.5)
for n in range(20000):
    with open(f't{n}', 'w') as f: f.write('evil')
    if os.stat(f't{n}').st_ino == wanted:
        os.rename(f't{n}', '.envrc'); open('same', 'w'); break
time.sleep(30)
"""


def test_the_number_of_a_control_file_that_was_removed(place: Place) -> None:
    # Another process of the machine may take the number first; then the attempt proves nothing and is repeated.
    for _ in range(5):
        rc = file(place.work / ".envrc")
        file(place.work / "attack.py", _TAKE_NUMBER)
        job = place.begin(f"{PYTHON} -S attack.py")
        assert until((place.work / "began").exists), "the command began"
        place.pass_time(2.5)
        rc.unlink()
        place.pass_time_until((place.work / "same").exists, 8)
        said = place.stop(job)
        said += place.run("true").content
        if (place.work / "same").exists():
            break
        for made in (place.work / "began", *place.work.glob("t*")):
            made.unlink()
    else:
        pytest.fail("the number never came again")
    assert not rc.exists(), said
