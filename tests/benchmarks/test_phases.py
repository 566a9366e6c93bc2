from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from benchmarks.harness.flame import svg
from benchmarks.harness.phases import OTHER, busy_stacks, own_time, phase_of, shares

LOGIN = "run (cgappliance/session/login.py:40)"


@pytest.mark.parametrize(
    ("leaf", "phase"),
    [
        ("handshake (cgappliance/net/accept.py:10)", "client: TCP and TLS handshake"),
        ("connect (/opt/x/cgappliance/net/dial.py:70)", "upstream: TCP and TLS handshake, pool"),
        ("search (cgappliance_openldap/verbs.py:7)", "directory"),
        ("get (cgappliance_google/cache.py:90)", "Google credential"),
        ("feed (cgappliance/proto/imap/front.py:3)", "protocol: client's side"),
        ("feed (cgappliance/proto/imap/back.py:3)", "protocol: Gmail's side"),
    ],
)
def test_the_file_of_a_frame_tells_the_phase(leaf, phase):
    assert phase_of([LOGIN, leaf]) == phase


def test_library_code_belongs_to_the_phase_that_called_it():
    assert phase_of([LOGIN, "connect (cgappliance/net/dial.py:70)", "do_handshake (ssl.py:1000)"]).startswith("upstream")


def test_the_innermost_phase_counts():
    assert phase_of(["write (cgappliance/store/history.py:9)", "info (cgappliance/log.py:5)"]) == "log"


def test_a_stack_of_strangers_is_something_else():
    assert phase_of(["main (somewhere/else.py:1)", "[native code]"]) == OTHER


def test_shares_add_up_and_begin_with_the_greatest():
    found = shares(busy_stacks([f"{LOGIN} 1", f"{LOGIN};info (cgappliance/log.py:5) 3", ""]))

    assert list(found.items()) == [("log", 0.75), ("login: order of the steps", 0.25)]


def test_own_time_is_that_of_the_leaf_whatever_its_line():
    found = own_time(busy_stacks(["a (x.py:1);b (y.py:2) 3", "b (y.py:9) 1", "a (x.py:1) 1"]), most=1)

    assert found == {"b (y.py)": 0.8}


def test_a_thread_that_waits_for_work_is_not_busy():
    waiting = 'process 1:"serve";run (gevent/threadpool.py:1);acquire_with_timeout (gevent/_threading.py:66) 99'

    assert busy_stacks([waiting, f"{LOGIN} 1"]) == {(LOGIN,): 1}


def test_a_sample_without_python_is_something_else():
    assert busy_stacks(['process 7:"python -m cgappliance" 2']) == {(OTHER,): 2}


def test_flame_graph_is_well_formed_and_as_wide_as_the_share():
    picture = ET.fromstring(svg(Counter({("a<b (x.py:1)",): 3, ("c (y.py:2)",): 1}), "title"))
    titles = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}title")]

    assert titles == ["all: 100.0 %", "a<b (x.py): 75.0 %", "c (y.py): 25.0 %"]
