from __future__ import annotations

from pathlib import Path

from cgappliance.testing.lab.postfix_config import SERVICES, Wanted, files

ADDRESSES = ("yuki@lab.test", "ken@lab.test", "mai@other.test")


def made() -> dict[str, str]:
    return files(Wanted(Path("/lab"), "127.0.0.1", 10465, "smtp.gmail.lab.test", ADDRESSES, lmtp_port=10024, sasl_port=10026))


def test_mail_is_delivered_to_the_mailboxes_and_nowhere_else() -> None:
    main = made()["main.cf"]
    assert "virtual_mailbox_domains = lab.test, other.test\n" in main
    assert "virtual_mailbox_maps = inline:{ yuki@lab.test=mailbox, ken@lab.test=mailbox, mai@other.test=mailbox }\n" in main
    assert "virtual_transport = lmtp:inet:127.0.0.1:10024\n" in main
    assert "default_transport = error:" in main


def test_login_is_checked_by_dovecot() -> None:
    assert "smtpd_sasl_path = inet:127.0.0.1:10026\n" in made()["main.cf"]


def test_only_service_on_the_network_speaks_tls_from_the_first_byte() -> None:
    network = [line for line in made()["master.cf"].splitlines() if " inet " in line]
    assert len(network) == 1
    assert network[0].startswith("10465 inet")
    assert "smtpd_tls_wrappermode=yes" in network[0]


def test_every_service_has_its_eight_fields() -> None:
    lines = made()["master.cf"].splitlines()
    assert len(lines) == len(SERVICES) + 1
    assert all(len(line.split()) >= 8 for line in lines)
