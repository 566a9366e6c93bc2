"""Run as a process of its own: what pytest has in memory would hide what is freed."""

import subprocess
import sys

FREE_ALL_BUT_THE_LAST = """
import ctypes
from pathlib import Path
from cgappliance.server.heap import trim

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
taken = [libc.malloc(40_000) for _ in range(500)]  # below the size that glibc takes from the system one by one
for address in taken:
    ctypes.memset(ctypes.c_void_p(address), 1, 40_000)
for address in taken[:-1]:
    libc.free(address)
before = resident_mb()
trim()
print(before - resident_mb())
"""


def test_trim_gives_back_what_lies_below_something_that_is_in_use():
    done = subprocess.run([sys.executable, "-c", FREE_ALL_BUT_THE_LAST], capture_output=True, text=True, check=True)

    assert float(done.stdout) > 15  # of 20 MB
