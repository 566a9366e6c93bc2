"""Who may not come in hears the same words, with the same code, after the same time, whatever the reason; and Google hears nothing.

Every deny flag, with every backend, through every way to log in. The exact reason is in the log.
"""

import time

import pytest
from cgappliance_google.endpoint import TokenEndpoint
from cgappliance_google.key_file import read

from cgappliance.secret import Secret
from cgappliance.testing.lab.samba import SambaAd, unavailable
from cgappliance.testing.lab.world import World

from . import sites
from .conftest import at_once
from .seen import questions, touched
from .talking import ACCEPTED, IMAP, POP3, PROTOCOLS, REFUSED, SMTP, WAYS, b64

pytestmark = [pytest.mark.usefixtures("tidy"), pytest.mark.skipif(bool(unavailable()), reason=unavailable())]

DELAY_S = 0.4
TOLERANCE_S = 0.3  # how much later than told a busy test machine may answer

BACKENDS = ("openldap", "active-directory", "local")

#: what stands in the tenant file, and whom it keeps out: everybody
POLICY_FLAGS = {
    "no_profile": {"policy": 'default_profile = ""'},
    "protocol_off": {"profiles.office": "mail_access = []"},
    "ip_not_allowed": {"profiles.office": 'mail_access = ["imap", "pop3", "smtp"]\nremote_ips = ["192.0.2.0/24", "2001:db8::/32"]'},
    "outside_service_period": {"top": "ends_on = 2020-12-31"},
}
#: names and passwords that are refused wherever they are tried
BAD_LOGINS = {
    "bad_login_name": ("good", sites.PASSWORD),
    "unknown_domain": ("good@elsewhere.example", sites.PASSWORD),
    "empty_password": (sites.GOOD.address, ""),
}

DIRECTORY_FLAGS = [
    *(("openldap", reason) for reason in ("wrong_password", "unknown_address", "ambiguous_address", "not_in_group")),
    *(("openldap", reason) for reason in ("locked", "password_must_change", "password_expired")),
    *(("active-directory", reason) for reason in ("wrong_password", "unknown_address", "ambiguous_address", "disabled", "locked")),
    *(("active-directory", reason) for reason in ("account_expired", "password_expired", "password_must_change")),
    *(("active-directory", reason) for reason in ("logon_hours", "workstation")),
    *(("local", reason) for reason in ("wrong_password", "unknown_address", "disabled")),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    world = World(folder, people=sites.PEOPLE, limits={"refusal_delay_s": DELAY_S, "sessions_per_account": 50})
    with SambaAd(folder / "ad", world.authority) as samba, world:
        made = (
            sites.openldap(world),
            sites.active_directory(world, folder, samba.ldaps_url, samba.ca_file),
            sites.local(world, folder),
        )
        world.appliance.tenant("acme", sites_only(world))
        world.sites = {site.tenant: site for site in made}
        for site in made:
            if site.domain != sites.DOMAIN:
                world.gmail.control.add_account(site.good[0])
            world.appliance.tenant(site.tenant, site.text())
        world.appliance.ask("reload")
        yield world


def sites_only(world):
    """Return the world's own tenant, moved to a domain of its own: each domain is one tenant's."""
    return world.tenant_file(top='name = "Other"\nedition = "light"\ndomains = ["other.example"]')


@pytest.fixture
def site(world, request):
    """The tenant of a backend, as it stands in the sites; the test may change its file, and finds it so again."""
    site = world.sites[request.param]
    yield site
    world.appliance.tenant(site.tenant, site.text())
    world.appliance.ask("reload")


@pytest.fixture
def answers(world, talk, log):
    """Return a function: what every way of every protocol is told by a site, and the reasons in the log."""
    world.gmail.control.clear_records()

    def ask(site, address, password):
        def one(way):
            return talk(way.protocol, port=site.ports.of(way.protocol)).log_in(address, password, way)

        told = dict(zip(WAYS, at_once(one, WAYS), strict=True))
        return told, {entry["reason"] for entry in log() if entry["tenant"] == site.tenant}

    return ask


def surprises(told):
    """Return the ways that were not told what all must be told."""
    return {str(way): answer for way, answer in told.items() if answer != REFUSED[way.protocol]}


@pytest.mark.parametrize("site", BACKENDS, indirect=True)
def test_the_right_password_is_accepted(site, answers):
    told, reasons = answers(site, *site.good)
    assert [str(way) for way, answer in told.items() if not answer.startswith(ACCEPTED[way.protocol])] == []
    assert reasons == {"accepted"}


@pytest.mark.parametrize(("site", "reason"), DIRECTORY_FLAGS, indirect=["site"])
def test_directory_says_no(world, site, answers, reason):
    told, reasons = answers(site, *site.refused[reason])
    assert surprises(told) == {}
    assert reasons == {reason}
    assert touched(world.gmail.control) == []


@pytest.mark.parametrize("site", BACKENDS, indirect=True)
@pytest.mark.parametrize("flag", POLICY_FLAGS)
def test_policy_says_no(world, site, answers, flag):
    changes = dict(POLICY_FLAGS[flag])
    if "top" in changes:
        changes["top"] = site.top(changes["top"])
    world.appliance.tenant(site.tenant, site.text(**changes))
    world.appliance.ask("reload")
    asked = questions(world.slapd)
    told, reasons = answers(site, *site.good)
    assert surprises(told) == {}
    assert reasons == {flag}
    assert touched(world.gmail.control) == []
    assert questions(world.slapd) == asked


@pytest.mark.parametrize("site", BACKENDS, indirect=True)
@pytest.mark.parametrize("flaw", BAD_LOGINS)
def test_login_that_cannot_be_anybodys_is_asked_nowhere(world, site, answers, flaw):
    asked = questions(world.slapd)
    told, reasons = answers(site, *BAD_LOGINS[flaw])
    assert surprises(told) == {}
    assert reasons == {flaw} or (flaw == "empty_password" and reasons <= {"empty_password", "unknown_domain"})
    assert touched(world.gmail.control) == []
    assert questions(world.slapd) == asked


@pytest.mark.parametrize("site", BACKENDS, indirect=True)
def test_address_of_another_tenant_is_refused(world, site, answers):
    others = [other for other in world.sites.values() if other is not site]
    for other in others:
        told, reasons = answers(site, *other.good)
        assert surprises(told) == {}
        assert reasons == {"unknown_domain"}
    assert touched(world.gmail.control) == []


@pytest.mark.parametrize("site", BACKENDS, indirect=True)
def test_address_in_capitals_is_the_same_address(site, answers):
    told, _reasons = answers(site, site.good[0].upper(), site.good[1])
    assert [str(way) for way, answer in told.items() if not answer.startswith(ACCEPTED[way.protocol])] == []


@pytest.mark.parametrize("site", ["openldap"], indirect=True)
@pytest.mark.parametrize("allowed", PROTOCOLS)
def test_profile_allows_one_protocol_and_no_other(world, site, answers, allowed):
    world.appliance.tenant(site.tenant, site.text(**{"profiles.office": f'mail_access = ["{allowed.value}"]'}))
    world.appliance.ask("reload")
    told, _reasons = answers(site, *site.good)
    expected = {way: ACCEPTED[way.protocol] if way.protocol is allowed else REFUSED[way.protocol] for way in WAYS}
    assert [str(way) for way, answer in told.items() if not answer.startswith(expected[way])] == []


@pytest.mark.parametrize("site", ["openldap"], indirect=True)
def test_profile_lets_in_by_the_remote_address(world, site, talk):
    profile = 'mail_access = ["imap", "pop3", "smtp"]\nremote_ips = ["127.0.0.77/32", "127.0.1.0/24"]'
    world.appliance.tenant(site.tenant, site.text(**{"profiles.office": profile}))
    world.appliance.ask("reload")

    def come_from(source):
        return talk(IMAP, port=site.ports.imaps, source=source).log_in(*site.good)

    told = at_once(come_from, ["127.0.0.77", "127.0.1.200", "127.0.0.78", "127.0.2.1"])
    assert [answer[:2] for answer in told] == [b"OK", b"OK", b"NO", b"NO"]


@pytest.mark.parametrize("site", ["active-directory"], indirect=True)
def test_active_directory_group_decides_nested_ones_too(world, site, talk, log):
    ad = sites.ad
    world.appliance.tenant(site.tenant, site.text(auth=f"{site.auth}\nrequired_group = '{ad.MAIL_GROUP_DN}'"))
    world.appliance.ask("reload")

    def come(user):
        world.gmail.control.add_account(user.mail) if user is ad.NESTED else None
        return talk(POP3, port=site.ports.pop3s).log_in(user.mail, user.password)

    told = at_once(come, [ad.GOOD, ad.NESTED, ad.OTHER])
    assert [answer.startswith(ACCEPTED[POP3]) for answer in told] == [True, True, False]
    assert {entry["login"]: entry["reason"] for entry in log()}[ad.OTHER.mail] == "not_in_group"


# ---- the time that a refusal takes


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("site", BACKENDS, indirect=True)
def test_refusals_take_the_same_time(world, site, talk, protocol):
    def seconds(login):
        client = talk(protocol, port=site.ports.of(protocol))
        started = time.monotonic()
        assert client.log_in(*login) == REFUSED[protocol]
        return time.monotonic() - started

    address = site.refused["wrong_password"][0]
    # a directory that turns out to be slow sets the pace for all that come after
    seconds((address, "the first of all"))
    # others may be remembered by now; this one the directory is asked for
    asked = (address, f"never tried before, for {protocol}")
    took = at_once(seconds, [*site.refused.values(), *BAD_LOGINS.values(), asked])
    assert min(took) >= DELAY_S
    assert max(took) - min(took) < TOLERANCE_S


# ---- clients that bring a token or another name


TOKEN_COMMANDS = {
    IMAP: lambda mechanism, message: [b"a1 AUTHENTICATE " + mechanism + b" " + message],
    POP3: lambda mechanism, message: [b"AUTH " + mechanism + b" " + message],
    SMTP: lambda mechanism, message: [b"EHLO client.example", b"AUTH " + mechanism + b" " + message],
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("mechanism", [b"XOAUTH2", b"OAUTHBEARER"])
def test_token_that_gmail_would_accept_is_refused_here(world, talk, log, protocol, mechanism):
    site = world.sites["openldap"]
    address, token = site.good[0], world_token(world, site.good[0])
    world.gmail.control.clear_records()
    messages = {
        b"XOAUTH2": f"user={address}\x01auth=Bearer {token}\x01\x01",
        b"OAUTHBEARER": f"n,a={address},\x01host=localhost\x01port=993\x01auth=Bearer {token}\x01\x01",
    }
    client = talk(protocol, port=site.ports.of(protocol))
    told = [client.ask(line) for line in TOKEN_COMMANDS[protocol](mechanism, b64(messages[mechanism].encode()))]
    assert told[-1] == REFUSED[protocol]
    assert [(entry["reason"], entry["login"]) for entry in log()] == [("client_token", address)]
    assert touched(world.gmail.control) == []


def world_token(world, address):
    """Return a token that the look-alike accepts, got with the service account's key: the client's own could be as good."""
    endpoint = TokenEndpoint(read(Secret(world.gmail.service_account_file.read_text())))
    token = endpoint.fetch(address, "https://mail.google.com/", 5.0)
    endpoint.close()
    return token.secret.reveal()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_acting_as_somebody_else_is_refused(world, talk, log, protocol):
    site = world.sites["openldap"]
    address, password = site.good
    message = b64(f"boss@{site.domain}\0{address}\0{password}".encode())
    client = talk(protocol, port=site.ports.of(protocol))
    told = [client.ask(line) for line in TOKEN_COMMANDS[protocol](b"PLAIN", message)]
    assert told[-1] == REFUSED[protocol]
    assert [entry["reason"] for entry in log()] == ["other_identity"]


TOO_MANY = {
    IMAP: b"* BYE Too many login attempts\r\n",
    POP3: b"",
    SMTP: b"421 4.7.0 Too many failed logins, closing the connection\r\n",
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_after_three_refusals_the_connection_ends(world, talk, protocol):
    site = world.sites["openldap"]
    client = talk(protocol, port=site.ports.of(protocol))
    for _ in range(3):
        assert client.log_in(f"nobody@{site.domain}", "wrong") == REFUSED[protocol]
    assert client.rest() == TOO_MANY[protocol]
