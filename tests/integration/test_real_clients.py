"""Mail clients that people use, as they are, each with a configuration as its manual shows it and a password of all characters.

None of them knows our CA but by its configuration; none sees anything of the shell that runs the tests.
"""

import mailbox
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from cgappliance.testing.lab.process import clean_environment
from cgappliance.testing.lab.slapd import Person
from cgappliance.testing.lab.world import DOMAIN, YUKI, World

pytestmark = pytest.mark.usefixtures("tidy")

TIMEOUT_S = 30.0
PACKAGES = {"mbsync": "isync", "getmail": "getmail6"}  #: Debian's, where they are not called as the program
PASSWORD = 'ab\'c "d" \\e #f $g %h {3} 鍵é!'
#: what these clients cannot send: fetchmail's file has no way to write a quotation mark, Python's imaplib knows ASCII only
LESSER = {"fetchmail-imap": "ab'c d \\e #f $g %h {3} 鍵é!", "fetchmail-pop3": "ab'c d \\e #f $g %h {3} 鍵é!"}
LESSER["getmail-imap"] = 'ab\'c "d" \\e #f $g %h {3}!'
RECEIVERS = ("curl-imap", "curl-pop3", "mbsync", "fetchmail-imap", "fetchmail-pop3", "getmail-imap", "getmail-pop3", "mpop")
SENDERS = ("curl-smtp", "msmtp")
PEOPLE = {name: Person(f"{name}@{DOMAIN}", LESSER.get(name, PASSWORD)) for name in (*RECEIVERS, *SENDERS)}

#: a letter with all that makes trouble on the way: a line of dots, a line that looks like a command, Japanese, a long line
LETTER = (
    f"From: somebody@elsewhere.example\r\nTo: {YUKI.address}\r\nSubject: =?utf-8?B?5omL57SZ?= for {{name}}\r\n"
    "Message-ID: <{name}@elsewhere.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\nこんにちは\r\n.\r\n..two dots\r\nA1 LOGOUT\r\n" + "x" * 900 + "\r\n"
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(tmp_path_factory.mktemp("world"), people=(YUKI, *PEOPLE.values())) as world:
        for name in RECEIVERS:
            world.gmail.control.deliver(PEOPLE[name].address, letter(name))
        yield world


def letter(name):
    return LETTER.replace("{name}", name).encode()


@pytest.fixture
def home(world):
    """A home of its own for a client, outside pytest's folder, which nobody but its owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix="cg-client-"))
    shutil.copy(world.authority.ca_file, folder / "ca.pem")
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD)
    yield folder
    shutil.rmtree(folder)


def run(home, *argv, text="", as_nobody=False, check=True):
    """Run a client to its end and return what it did."""
    drop = []
    if as_nobody and os.geteuid() == 0:
        account = pwd.getpwnam("nobody")
        for path in (home, *home.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
        drop = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]
    done = subprocess.run(
        [*drop, *map(str, argv)],
        input=text.encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        env=clean_environment(HOME=str(home)),
        cwd=home,
        check=False,
    )
    assert not check or done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done


def config(home, name, text):
    path = home / name
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def needs(program):
    return pytest.mark.skipif(
        shutil.which(program) is None, reason=f"{program} not installed (apt install {PACKAGES.get(program, program)})"
    )


def arrived(data, name):
    """Tell whether these are the letter's bytes, whatever line ends and envelope lines a client writes."""
    plain = data.replace(b"\r\n", b"\n")
    return letter(name).partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n").rstrip(b"\n") in plain and f"<{name}@".encode() in plain


def in_maildir(folder, name):
    return any(arrived(message.as_bytes(), name) for message in mailbox.Maildir(folder, create=False))


# ---- curl


def curl(home, name, url, *options, check=True):
    login = f"{PEOPLE[name].address}:{PEOPLE[name].password}"
    return run(home, "curl", "--silent", "--show-error", "--cacert", home / "ca.pem", "--user", login, url, *options, check=check)


@needs("curl")
@pytest.mark.parametrize("options", [(), ("--login-options", "AUTH=LOGIN"), ("--login-options", "AUTH=PLAIN"), ("--sasl-ir",)])
def test_curl_fetches_over_imap(world, home, options):
    done = curl(home, "curl-imap", f"imaps://localhost:{world.ports.imaps}/INBOX;MAILINDEX=1", *options)
    assert arrived(done.stdout, "curl-imap")


@needs("curl")
@pytest.mark.parametrize("options", [(), ("--login-options", "AUTH=LOGIN"), ("--sasl-ir",)])
def test_curl_fetches_over_pop3(world, home, options):
    done = curl(home, "curl-pop3", f"pop3s://localhost:{world.ports.pop3s}/1", *options)
    world.gmail.control.deliver(PEOPLE["curl-pop3"].address, letter("curl-pop3"))  # what was fetched once is hidden from POP3
    assert arrived(done.stdout, "curl-pop3")


@needs("curl")
@pytest.mark.parametrize("options", [(), ("--login-options", "AUTH=LOGIN"), ("--sasl-ir",)])
def test_curl_sends_over_smtp(world, home, options):
    sender = PEOPLE["curl-smtp"].address
    (home / "mail").write_bytes(letter("curl-smtp"))
    mail = ("--mail-from", sender, "--mail-rcpt", YUKI.address, "--upload-file", str(home / "mail"))
    world.gmail.control.clear_records()
    curl(home, "curl-smtp", f"smtps://localhost:{world.ports.smtps}/client.example", *mail, *options)
    [envelope] = world.gmail.control.envelopes()
    assert (envelope["login"], envelope["sender"], envelope["recipients"]) == (sender, sender, [YUKI.address])
    assert arrived(envelope["data"], "curl-smtp")


@needs("curl")
def test_curl_is_told_that_it_may_not_come_in(world, home):
    url = f"imaps://localhost:{world.ports.imaps}/INBOX"
    done = run(home, "curl", "--silent", "--cacert", home / "ca.pem", "--user", f"{YUKI.address}:wrong", url, check=False)
    assert done.returncode == 67  # CURLE_LOGIN_DENIED


@needs("curl")
def test_curl_does_not_trust_our_ca_by_itself(world, home):
    done = run(home, "curl", "--silent", f"imaps://localhost:{world.ports.imaps}/", check=False)
    assert done.returncode == 60  # CURLE_PEER_FAILED_VERIFICATION


# ---- mbsync


@needs("mbsync")
def test_mbsync_mirrors_the_mailbox(world, home):
    rc = config(
        home,
        "mbsyncrc",
        f"""SyncState *

IMAPAccount acme
Host localhost
Port {world.ports.imaps}
User {PEOPLE["mbsync"].address}
PassCmd "cat {home}/password"
SSLType IMAPS
CertificateFile {home}/ca.pem
SystemCertificates no

IMAPStore remote
Account acme

MaildirStore local
Path {home}/mail/
Inbox {home}/mail/INBOX
SubFolders Verbatim

Channel acme
Far :remote:
Near :local:
Patterns *
Create Near
""",
    )
    (home / "mail").mkdir()
    run(home, "mbsync", "-c", rc, "acme")
    assert in_maildir(home / "mail/INBOX", "mbsync")
    assert (home / "mail/[Gmail]").exists()


# ---- fetchmail


@needs("fetchmail")
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
@pytest.mark.parametrize("auth", ["password", "any"])
def test_fetchmail_fetches(world, home, protocol, auth):
    name = f"fetchmail-{protocol}"
    world.gmail.control.deliver(PEOPLE[name].address, letter(name))
    port = world.ports.imaps if protocol == "imap" else world.ports.pop3s
    escaped = PEOPLE[name].password.replace("\\", "\\\\")
    rc = config(
        home,
        "fetchmailrc",
        f"set no bouncemail\npoll localhost protocol {protocol} port {port} auth {auth}\n"
        f'  user "{PEOPLE[name].address}" password "{escaped}"\n  ssl sslcertck sslcertfile "{home}/ca.pem"\n'
        f'  fetchall keep mda "tee -a {home}/inbox"\n',
    )
    run(home, "fetchmail", "--fetchmailrc", rc, "--pidfile", home / "pid", "--idfile", home / "ids")
    assert arrived((home / "inbox").read_bytes(), name)


# ---- getmail: delivers for nobody who is root


@needs("getmail")
@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_getmail_fetches(world, home, protocol):
    name = f"getmail-{protocol}"
    (home / "password").write_text(PEOPLE[name].password)
    retriever, port = {"imap": ("SimpleIMAPSSL", world.ports.imaps), "pop3": ("SimplePOP3SSL", world.ports.pop3s)}[protocol]
    config(
        home,
        "getmailrc",
        f"""[retriever]
type = {retriever}Retriever
server = localhost
port = {port}
username = {PEOPLE[name].address}
password_command = ("cat", "{home}/password")
ca_certs = {home}/ca.pem
[destination]
type = Maildir
path = {home}/mail/
[options]
read_all = true
""",
    )
    for folder in ("cur", "new", "tmp"):
        (home / "mail" / folder).mkdir(parents=True)
    run(home, "getmail", "--getmaildir", home, "--rcfile", "getmailrc", as_nobody=True)
    assert in_maildir(home / "mail", name)


# ---- mpop and msmtp


@needs("mpop")
@pytest.mark.parametrize("auth", ["user", "plain", "login"])
def test_mpop_fetches(world, home, auth):
    world.gmail.control.deliver(PEOPLE["mpop"].address, letter("mpop"))
    rc = config(
        home,
        "mpoprc",
        f"defaults\ntls on\ntls_starttls off\ntls_trust_file {home}/ca.pem\naccount acme\nhost localhost\n"
        f"port {world.ports.pop3s}\nauth {auth}\nuser {PEOPLE['mpop'].address}\npasswordeval cat {home}/password\n"
        f"keep on\ndelivery maildir {home}/mail\nuidls_file {home}/uidls\n",
    )
    for folder in ("cur", "new", "tmp"):
        (home / "mail" / folder).mkdir(parents=True)
    run(home, "mpop", "-C", rc, "acme")
    assert in_maildir(home / "mail", "mpop")


@needs("msmtp")
@pytest.mark.parametrize("auth", ["on", "plain", "login"])
def test_msmtp_sends(world, home, auth):
    sender = PEOPLE["msmtp"].address
    rc = config(
        home,
        "msmtprc",
        f"defaults\nauth {auth}\ntls on\ntls_starttls off\ntls_trust_file {home}/ca.pem\naccount acme\nhost localhost\n"
        f"port {world.ports.smtps}\nfrom {sender}\nuser {sender}\npasswordeval cat {home}/password\n",
    )
    world.gmail.control.clear_records()
    run(home, "msmtp", "-C", rc, "-a", "acme", YUKI.address, text=letter("msmtp").decode().replace("\r\n", "\n"))
    [envelope] = world.gmail.control.envelopes()
    assert (envelope["login"], envelope["sender"]) == (sender, sender)
    assert arrived(envelope["data"], "msmtp")


@needs("msmtp")
def test_msmtp_is_told_that_the_password_is_wrong(world, home):
    rc = config(
        home,
        "msmtprc",
        f"defaults\nauth on\ntls on\ntls_starttls off\ntls_trust_file {home}/ca.pem\naccount acme\nhost localhost\n"
        f"port {world.ports.smtps}\nfrom {YUKI.address}\nuser {YUKI.address}\npassword wrong\n",
    )
    done = run(home, "msmtp", "-C", rc, "-a", "acme", YUKI.address, text="Subject: x\n\nx\n", check=False)
    assert done.returncode == 77  # EX_NOPERM
    assert b"You are not allowed to access this server" in done.stderr
