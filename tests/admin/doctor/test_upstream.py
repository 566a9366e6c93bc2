from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from cgappliance.admin.doctor.findings import State
from cgappliance.admin.doctor.upstream import look_at_upstream
from cgappliance.model import HostPort, MailProtocol, Tenant
from cgappliance.testing.gmail import GmailLookAlike
from cgappliance.testing.gmail.switches import Fault, FaultKind, Stage
from cgappliance.testing.lab.certificates import Authority
from tests.admin.doctor.reading import about, told


def test_servers_that_greet_are_good(at_gmail: Tenant) -> None:
    assert told(look_at_upstream(at_gmail)) == [("ok", "upstream imap"), ("ok", "upstream pop3"), ("ok", "upstream smtp")]


def test_only_what_is_offered_is_asked(at_gmail: Tenant) -> None:
    imap_only = replace(at_gmail, listen=replace(at_gmail.listen, ports={MailProtocol.IMAP: 10993}))
    assert told(look_at_upstream(imap_only)) == [("ok", "upstream imap")]


def test_server_that_does_not_answer_is_a_problem(at_gmail: Tenant) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    servers = {**at_gmail.upstream.servers, MailProtocol.POP3: HostPort("localhost", port)}
    findings = look_at_upstream(replace(at_gmail, upstream=replace(at_gmail.upstream, servers=servers)))
    finding = about(findings, "upstream pop3")
    assert (finding.state, "firewall" in finding.remedy) == (State.PROBLEM, True)


def test_certificate_that_is_not_trusted_is_a_problem(at_gmail: Tenant, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger")).ca_file
    findings = list(look_at_upstream(replace(at_gmail, upstream=replace(at_gmail.upstream, ca_file=stranger))))
    assert {finding.state for finding in findings} == {State.PROBLEM}
    assert "certificate not accepted" in findings[0].sentence


def test_server_that_says_something_else_is_a_problem(at_gmail: Tenant, gmail: GmailLookAlike) -> None:
    gmail.state.servers[MailProtocol.IMAP].faults = [Fault(FaultKind.BYE, Stage.GREETING)]
    finding = about(look_at_upstream(at_gmail), "upstream imap")
    assert finding.state is State.PROBLEM
    assert "does not greet as IMAP: * BYE" in finding.sentence
