"""The whole look-alike: it starts, serves three protocols and HTTP, ends sessions in time, and leaves nothing behind."""

import socket
import ssl
import threading

import pytest

from cgappliance.testing.gmail import FaultKind, GmailLookAlike
from cgappliance.testing.lab.certificates import KeyPair
from cgappliance.testing.lab.process import port_open


def test_a_message_sent_by_smtp_is_fetched_by_imap_byte_for_byte(lab):
    lab.smtp_in().sendmail(lab.address, [lab.address], lab.message)

    client = lab.imap_in()
    client.select()

    assert client.fetch("2", "(BODY.PEEK[])")[1][0][1] == lab.message


def test_session_ends_in_words_when_its_token_ends(lab):
    client = lab.imap_in()

    lab.state.clock.advance(3599)

    assert client.readline() == b"* BYE Session expired, please login again.\r\n"
    assert client.readline() == b""


def test_session_lives_on_while_its_token_lives(lab):
    client = lab.imap_in()

    lab.state.clock.advance(3500)

    assert client.noop()[0] == "OK"


def test_ended_sessions_are_told_so(lab):
    client = lab.imap_in()

    lab.gmail.end_sessions(FaultKind.BYE)

    assert client.readline().startswith(b"* BYE ")


def test_stop_closes_ports_and_ends_its_thread(key_pair: KeyPair):
    gmail = GmailLookAlike(key_pair).start()
    before = threading.active_count()

    gmail.stop()

    assert not port_open("127.0.0.1", gmail.ports["imaps"])
    assert threading.active_count() == before - 1


def test_it_starts_again_on_the_same_ports(key_pair: KeyPair):
    gmail = GmailLookAlike(key_pair).start()
    ports = dict(gmail.ports)
    gmail.stop()

    with gmail:
        assert gmail.ports == ports
        assert port_open("127.0.0.1", ports["imaps"])


def test_a_taken_port_is_an_error_at_start(lab, key_pair: KeyPair):
    with pytest.raises(OSError, match="in use"):
        GmailLookAlike(key_pair, ports={"imaps": lab.gmail.ports["imaps"]}).start()


def test_records_say_which_name_and_tls_the_client_used(lab):
    lab.imap_in().logout()

    record = lab.state.records.connections[-1]

    assert record.server_name == "localhost"
    assert record.tls_version == "TLSv1.3"


def test_records_say_whether_tls_was_resumed(lab):
    lab.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    address = ("127.0.0.1", lab.gmail.ports["imaps"])
    session = None
    for _ in range(2):
        with (
            socket.create_connection(address, 5) as plain,
            lab.tls.wrap_socket(plain, server_hostname="localhost", session=session) as client,
        ):
            client.recv(1000)
            session = client.session

    assert [record.tls_resumed for record in lab.state.records.connections] == [False, True]
