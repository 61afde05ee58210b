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


THREADS = """
import sys, threading
import numpy as np
from edge.heap import keep_freed_memory
keep_freed_memory(int(sys.argv[1]))
gate, one = threading.Barrier(13), threading.Lock()
def picture():
    with one:
        np.ones(20 * 2**20, np.uint8)
    gate.wait()
threads = [threading.Thread(target=picture) for _ in range(12)]
for each in threads: each.start()
gate.wait()
for each in threads: each.join()
print(next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a matter of glibc")
def test_what_many_threads_let_go_is_kept_in_few_heaps():
    def kilobytes(heaps: int) -> int:
        command = [sys.executable, "-c", THREADS, str(heaps)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert kilobytes(2) < 0.5 * kilobytes(64)
