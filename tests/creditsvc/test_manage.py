"""`manage.py` itself."""

import os
import subprocess
import sys

import pytest

from creditsvc.environment import BASE_DIR


@pytest.mark.slow
def test_a_reader_who_has_read_enough_is_told_nothing_and_others_that_it_ended_early():
    reading, writing = os.pipe()
    os.close(reading)

    ran = subprocess.run(
        [sys.executable, "manage.py", "help"], cwd=BASE_DIR, stdout=writing, stderr=subprocess.PIPE, check=False
    )

    os.close(writing)
    assert (ran.returncode, ran.stderr) == (1, b"")
