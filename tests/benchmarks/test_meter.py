import subprocess
import sys

import pytest

from benchmarks.harness.meter import ProcMeter, make_meter, process_cpu_s, pss_kib

BURN = "import time\nwhile time.process_time() < 0.2: pass\nprint(flush=True)\ninput()"
BURN_IN_A_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN.replace('input()', '')!r}])\ninput()"


@pytest.fixture(params=["best of this machine", "proc"])
def meter(request):
    meter = ProcMeter() if request.param == "proc" else make_meter("test")
    yield meter
    meter.close()


def burn(meter, program):
    """Run a program in the meter until it has burnt its time; returns what the meter says, with the program still there."""
    process = subprocess.Popen(meter.wrap([sys.executable, "-c", program]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    meter.watch(process.pid)
    process.stdout.readline()
    yield process, meter.cpu_s()
    process.communicate(b"\n", timeout=10)


def test_meter_sees_the_cpu_time_of_a_process(meter):
    for process, cpu_s in burn(meter, BURN):
        assert cpu_s == pytest.approx(0.2, abs=0.15)
        assert process.pid in meter.pids()


def test_meter_sees_children_that_have_ended(meter):
    for _, cpu_s in burn(meter, BURN_IN_A_CHILD):
        assert cpu_s == pytest.approx(0.2, abs=0.2)
        assert cpu_s > 0.15


def test_memory_of_a_process_is_known(meter):
    for process, _ in burn(meter, BURN):
        assert 1000 < pss_kib([process.pid]) < 1_000_000


def test_memory_of_a_process_that_has_ended_is_none():
    assert pss_kib([2**22 + 1]) == 0


def test_cpu_time_of_one_process(meter):
    for process, _ in burn(meter, BURN):
        assert process_cpu_s(process.pid) >= 0.2
