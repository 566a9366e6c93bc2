"""Programs that people use fetch from the look-alike and send through it, so what it speaks is what they expect."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cgappliance.testing.gmail.process import GmailProcess
from cgappliance.testing.lab.process import clean_environment

pytestmark = pytest.mark.integration

ADDRESS = "yuki@acme.example"
PASSWORD = "abcdefghijklmnop"
MESSAGES = 3


@pytest.fixture
def gmail(tmp_path: Path) -> Iterator[GmailProcess]:
    with GmailProcess(tmp_path / "gmail") as gmail:
        text = (
            "From: taro@acme.example\nTo: yuki@acme.example\nDate: Tue, 24 Nov 2026 10:00:00 +0900\nSubject: Hello {}\n\nBody\n.\n"
        )
        gmail.control.add_account(ADDRESS, app_passwords=[PASSWORD], messages=[{"text": text.format(n)} for n in range(MESSAGES)])
        yield gmail


@pytest.fixture
def run(tmp_path: Path):
    def run_one(*command: str | Path, data: bytes = b"") -> bytes:
        environment = clean_environment(HOME=str(tmp_path))
        done = subprocess.run(command, input=data, capture_output=True, env=environment, timeout=30, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
        return done.stdout

    return run_one


def configuration(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def url(gmail: GmailProcess, scheme: str, path: str = "") -> str:
    return f"{scheme}://localhost:{gmail.ports[scheme]}/{path}"


@pytest.mark.parametrize(("scheme", "path"), [("imaps", "INBOX;UID=1"), ("pop3s", "1")])
def test_curl_fetches(gmail: GmailProcess, run, scheme: str, path: str):
    fetched = run("curl", "-sS", "--cacert", gmail.ca_file, "-u", f"{ADDRESS}:{PASSWORD}", url(gmail, scheme, path))

    assert fetched == gmail.control.messages(ADDRESS)[0]


def test_curl_sends(gmail: GmailProcess, run, tmp_path: Path):
    (tmp_path / "mail").write_bytes(b"Subject: by curl\r\n\r\n.\r\n")
    envelope = ["--mail-from", ADDRESS, "--mail-rcpt", ADDRESS, "-T", str(tmp_path / "mail")]
    run("curl", "-sS", "--cacert", gmail.ca_file, "-u", f"{ADDRESS}:{PASSWORD}", *envelope, url(gmail, "smtps", "client.example"))

    assert gmail.control.messages(ADDRESS)[-1] == b"Subject: by curl\r\n\r\n.\r\n"


def test_mbsync_fetches_all_folders_and_uploads(gmail: GmailProcess, run, tmp_path: Path):
    (tmp_path / "mail").mkdir()
    path = configuration(
        tmp_path / "mbsyncrc",
        f"IMAPAccount g\nHost localhost\nPort {gmail.ports['imaps']}\nUser {ADDRESS}\nPass {PASSWORD}\nSSLType IMAPS\n"
        f"CertificateFile {gmail.ca_file}\n\nIMAPStore far\nAccount g\n\n"
        f"MaildirStore near\nPath {tmp_path}/mail/\nInbox {tmp_path}/mail/INBOX\nSubFolders Verbatim\n\n"
        "Channel c\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
    )
    run("mbsync", "-c", path, "c")
    assert len(list((tmp_path / "mail/INBOX/new").iterdir())) == MESSAGES

    (tmp_path / "mail/INBOX/new/1.1.here").write_bytes(b"Subject: from here\n\nhi\n")
    run("mbsync", "-c", path, "c")

    assert b"Subject: from here\r\n" in gmail.control.messages(ADDRESS)[-1]


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_fetchmail_fetches(gmail: GmailProcess, run, tmp_path: Path, protocol: str):
    path = configuration(
        tmp_path / "fetchmailrc",
        f'poll localhost protocol {protocol} port {gmail.ports[protocol + "s"]} user "{ADDRESS}" password "{PASSWORD}"'
        f' ssl sslcertck sslcertfile "{gmail.ca_file}" keep mda "tee -a {tmp_path}/mbox >/dev/null"\n',
    )
    run("fetchmail", "-f", path, "--pidfile", tmp_path / "pid", "--idfile", tmp_path / "ids")

    assert (tmp_path / "mbox").read_bytes().count(b"Subject: Hello") == MESSAGES


@pytest.mark.parametrize(("kind", "service"), [("SimpleIMAPSSLRetriever", "imaps"), ("SimplePOP3SSLRetriever", "pop3s")])
def test_getmail_fetches(gmail: GmailProcess, run, tmp_path: Path, kind: str, service: str):
    configuration(
        tmp_path / "rc",
        f"[retriever]\ntype = {kind}\nserver = localhost\nport = {gmail.ports[service]}\nusername = {ADDRESS}\n"
        f"password = {PASSWORD}\n"
        f"ca_certs = {gmail.ca_file}\n[destination]\ntype = MDA_external\npath = /usr/bin/tee\n"
        f'arguments = ("-a", "{tmp_path}/mbox")\nallow_root_commands = true\n',
    )
    run("getmail", "--getmaildir", tmp_path, "--rcfile", "rc")

    assert (tmp_path / "mbox").read_bytes().count(b"Subject: Hello") == MESSAGES


def test_mpop_fetches(gmail: GmailProcess, run, tmp_path: Path):
    path = configuration(
        tmp_path / "mpoprc",
        f"account a\nhost localhost\nport {gmail.ports['pop3s']}\ntls on\ntls_starttls off\ntls_trust_file {gmail.ca_file}\n"
        f"user recent:{ADDRESS}\npassword {PASSWORD}\nauth plain\ndelivery mbox {tmp_path}/mbox\nkeep on\n"
        f"uidls_file {tmp_path}/uidls\naccount default : a\n",
    )
    run("mpop", "-C", path)

    assert (tmp_path / "mbox").read_bytes().count(b"Subject: Hello") == MESSAGES


@pytest.mark.parametrize("mechanism", ["login", "plain"])
def test_msmtp_sends(gmail: GmailProcess, run, tmp_path: Path, mechanism: str):
    path = configuration(
        tmp_path / "msmtprc",
        f"account a\nhost localhost\nport {gmail.ports['smtps']}\ntls on\ntls_starttls off\ntls_trust_file {gmail.ca_file}\n"
        f"auth {mechanism}\nuser {ADDRESS}\npassword {PASSWORD}\nfrom {ADDRESS}\naccount default : a\n",
    )
    run("msmtp", "-C", path, ADDRESS, data=b"Subject: by msmtp\n\n.\n")

    assert gmail.control.messages(ADDRESS)[-1].endswith(b"Subject: by msmtp\r\n\r\n.\r\n")
