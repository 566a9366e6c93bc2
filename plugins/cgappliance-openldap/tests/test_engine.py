import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import ldap
import pytest
from cgappliance_openldap.engine import Engine, Handle

# RFC 4511: the answers of a server to message 1, in BER
BIND_ACCEPTED = bytes.fromhex("30 0c 02 01 01 61 07 0a 01 00 04 00 04 00")
BIND_REFUSED = bytes.fromhex("30 0c 02 01 01 61 07 0a 01 31 04 00 04 00")
ENTRY = bytes.fromhex("30 10 02 01 01 64 0b 04 07") + b"cn=yuki" + bytes.fromhex("30 00")
SEARCH_DONE = bytes.fromhex("30 0c 02 01 01 65 07 0a 01 00 04 00 04 00")


def bind(handle: Handle) -> int:
    message: int = handle.simple_bind("cn=yuki", "pw")
    return message


def search(handle: Handle) -> int:
    message: int = handle.search_ext("dc=lab", ldap.SCOPE_SUBTREE, "(cn=*)")
    return message


@pytest.fixture
def engine() -> Iterator[Engine]:
    with closing(Engine()) as engine:
        yield engine


def test_request_comes_out_as_bytes(engine: Engine) -> None:
    assert engine.send(bind) == (
        1,
        bytes.fromhex("30 15 02 01 01 60 10 02 01 03 04 07") + b"cn=yuki" + bytes.fromhex("80 02") + b"pw",
    )


def test_answer_that_has_not_come_is_not_waited_for(engine: Engine) -> None:
    message, _ = engine.send(bind)
    assert engine.answer(message) is None


def test_answer_may_come_byte_by_byte(engine: Engine) -> None:
    message, _ = engine.send(bind)
    for byte in BIND_ACCEPTED[:-1]:
        engine.receive(bytes([byte]))
        assert engine.answer(message) is None
    engine.receive(BIND_ACCEPTED[-1:])
    assert engine.answer(message) is not None


def test_refusal_is_an_error(engine: Engine) -> None:
    message, _ = engine.send(bind)
    engine.receive(BIND_REFUSED)
    with pytest.raises(ldap.INVALID_CREDENTIALS):
        engine.answer(message)


def test_entries_come_together_with_their_result(engine: Engine) -> None:
    message, _ = engine.send(search)
    engine.receive(ENTRY)
    assert engine.answer(message) is None
    engine.receive(SEARCH_DONE)
    answer = engine.answer(message)
    assert answer is not None
    assert answer.data == [("cn=yuki", {})]


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 64, b"\xff" * 64])
def test_garbage_is_an_error_or_nothing(engine: Engine, garbage: bytes) -> None:
    message, _ = engine.send(bind)
    engine.receive(garbage)
    try:
        assert engine.answer(message) is None
    except ldap.LDAPError as error:
        assert not isinstance(error, ldap.INVALID_CREDENTIALS)  # noqa: PT017 - which of the others it is, is libldap's affair


def test_filter_that_is_none_is_refused_before_anything_is_sent(engine: Engine) -> None:
    with pytest.raises(ldap.FILTER_ERROR):
        engine.send(lambda handle: handle.search_ext("", ldap.SCOPE_BASE, "(cn=*"))


def test_closed_engine_leaves_no_descriptor() -> None:
    def count() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    before = count()
    for _ in range(3):
        with closing(Engine()) as engine:
            engine.send(bind)
    assert count() == before


def test_trace_of_python_ldap_cannot_print_passwords(tmp_path: Path) -> None:
    code = (
        "from cgappliance_openldap.engine import Engine; e = Engine(); "
        "e.send(lambda handle: handle.simple_bind('cn=yuki', 'contract-5ecret')); e.close(); print('sent')"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHON_LDAP_TRACE_LEVEL": "9"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=30, check=True)
    assert "sent" in done.stdout
    assert "contract-5ecret" not in done.stdout + done.stderr
