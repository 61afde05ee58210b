import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, threading
import numpy as np
from edge.heap import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
def pictures():
    for _ in range(20):
        kept = [np.ones(720 * 1280 * 3, np.uint8) for _ in range(6)]
pictures()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
pictures()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a matter of glibc")
def test_pictures_that_come_and_go_are_no_new_pages_each_time():
    def faults(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults("kept") < 0.1 * faults("as it was")
