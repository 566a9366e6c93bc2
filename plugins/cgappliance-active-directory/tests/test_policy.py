from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest
from cgappliance_active_directory.policy import ActiveDirectory
from gevent import monkey

from cgappliance.plugin_api import AuthAnswer, Credentials, Reason, Secret
from cgappliance.testing.lab import samba, samba_domain
from cgappliance.testing.lab.certificates import Authority
from cgappliance.testing.lab.samba import SambaAd
from cgappliance.testing.lab.samba_domain import AdUser

Make = Callable[..., ActiveDirectory]

pytestmark = pytest.mark.integration

GOOD, NESTED, OTHER = samba_domain.GOOD, samba_domain.NESTED, samba_domain.OTHER
TIMEOUT_S = 5.0

#: ldap3 would change each of these before sending it (SASLprep): half width, full width, ligature, no-break space, composition
PASSWORDS = ["ﾊﾟｽﾜｰﾄﾞ", "Ｐａｓｓ１２３", "ﬁne", "no\u00a0break", "か\u3099", "秘密の言葉", " 空白 ", "'\"\\*()\u00e9"]
INJECTIONS = ["*", "*@lab.test", "taro*", "taro@lab.test)(cn=*", "*)(objectClass=*", "\\2a", ",OU=People"]


cooperative = pytest.mark.skipif(
    not monkey.is_module_patched("socket"),
    reason="several logins at once need patched sockets: python -m gevent.monkey --module pytest",
)


def typed(user: AdUser, password: str | None = None) -> Credentials:
    """What a user types into a mail client."""
    return credentials(user.mail, user.password if password is None else password)


def credentials(address: str, password: str) -> Credentials:
    return Credentials(login=address, address=address, password=Secret(password), mechanism="PLAIN")


def open_sockets() -> int:
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists the folder
            count += descriptor.readlink().name.startswith("socket:")
    return count


def at_once(login: Callable[[], AuthAnswer], count: int) -> list[AuthAnswer]:
    greenlets = [gevent.spawn(login) for _ in range(count)]
    gevent.joinall(greenlets, timeout=60)
    return [greenlet.get(block=False) for greenlet in greenlets]


@pytest.mark.parametrize("user", [GOOD, samba_domain.JAPANESE, samba_domain.AWKWARD], ids=lambda user: user.name)
def test_right_password_is_accepted(make: Make, user: AdUser) -> None:
    answer = make().authenticate(typed(user), TIMEOUT_S)
    assert answer.accepted
    assert len(answer.identity) == 36


def test_wrong_password_is_refused_with_the_controllers_words(make: Make) -> None:
    answer = make().authenticate(typed(GOOD, "wrong"), TIMEOUT_S)
    assert answer.reason is Reason.WRONG_PASSWORD
    assert "data 52e" in answer.detail
    assert "wrong" not in answer.detail


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (samba_domain.DISABLED, Reason.DISABLED),
        (samba_domain.LOCKED, Reason.LOCKED),
        (samba_domain.ACCOUNT_EXPIRED, Reason.ACCOUNT_EXPIRED),
        (samba_domain.PASSWORD_EXPIRED, Reason.PASSWORD_EXPIRED),
        (samba_domain.MUST_CHANGE, Reason.PASSWORD_MUST_CHANGE),
        (samba_domain.NO_HOURS, Reason.LOGON_HOURS),
        (samba_domain.OTHER_WORKSTATION, Reason.WORKSTATION),
    ],
    ids=lambda value: value.name,
)
def test_right_password_of_an_account_that_may_not_log_in_is_refused(make: Make, user: AdUser, reason: Reason) -> None:
    assert make().authenticate(typed(user), TIMEOUT_S).reason is reason


def test_account_locked_by_wrong_passwords_is_told_from_them(make: Make) -> None:
    backend = make()
    tries = [
        backend.authenticate(typed(samba_domain.LOCKABLE, "wrong"), TIMEOUT_S).reason for _ in range(samba_domain.LOCKOUT_THRESHOLD)
    ]
    assert tries == [Reason.WRONG_PASSWORD] * samba_domain.LOCKOUT_THRESHOLD
    assert backend.authenticate(typed(samba_domain.LOCKABLE), TIMEOUT_S).reason is Reason.LOCKED


def test_disabled_account_costs_no_try_of_its_password(make: Make, ad: SambaAd) -> None:
    backend = make()
    for _ in range(samba_domain.LOCKOUT_THRESHOLD + 1):
        assert backend.authenticate(typed(samba_domain.DISABLED, "wrong"), TIMEOUT_S).reason is Reason.DISABLED
    ad.modify(samba_domain.DISABLED.dn, "userAccountControl: 512")
    assert backend.authenticate(typed(samba_domain.DISABLED), TIMEOUT_S).accepted
    ad.modify(samba_domain.DISABLED.dn, "userAccountControl: 514")


def test_address_that_nobody_has_is_unknown(make: Make) -> None:
    assert make().authenticate(credentials("nobody@lab.test", "x"), TIMEOUT_S).reason is Reason.UNKNOWN_ADDRESS


def test_address_that_two_accounts_have_is_ambiguous(make: Make) -> None:
    twin = samba_domain.TWINS[0]
    assert make().authenticate(credentials(samba_domain.TWINS_MAIL, twin.password), TIMEOUT_S).reason is Reason.AMBIGUOUS_ADDRESS


@pytest.mark.parametrize("address", INJECTIONS)
def test_address_is_never_a_pattern(make: Make, address: str) -> None:
    assert make().authenticate(credentials(address, GOOD.password), TIMEOUT_S).reason is Reason.UNKNOWN_ADDRESS


@pytest.mark.parametrize(
    ("address", "password"), [("taro@lab.test\x00", GOOD.password), ("taro@lab.test", f"{GOOD.password}\x00x")]
)
def test_controller_never_sees_what_it_would_read_in_part(make: Make, address: str, password: str) -> None:
    assert make().authenticate(credentials(address, password), TIMEOUT_S).reason is Reason.BAD_CHARACTERS


@pytest.mark.parametrize(
    ("attribute", "address"),
    [("mail", GOOD.mail), ("userPrincipalName", GOOD.upn), ("proxyAddresses", GOOD.mail), ("proxyAddresses", "info@lab.test")],
)
def test_login_name_is_looked_for_in_one_attribute_only(make: Make, attribute: str, address: str) -> None:
    found = {
        name: make(login_attribute=name).authenticate(credentials(address, GOOD.password), TIMEOUT_S).reason
        for name in ("mail", "userPrincipalName", "proxyAddresses")
    }
    assert found[attribute] is Reason.ACCEPTED
    assert (found["userPrincipalName"] is Reason.ACCEPTED) is (attribute == "userPrincipalName")


def test_users_own_filter_keeps_others_out(make: Make) -> None:
    backend = make(user_filter=f"(sAMAccountName={GOOD.name})")
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
    assert backend.authenticate(typed(OTHER), TIMEOUT_S).reason is Reason.UNKNOWN_ADDRESS


@pytest.mark.parametrize(
    ("user", "reason"), [(GOOD, Reason.ACCEPTED), (NESTED, Reason.ACCEPTED), (samba_domain.AWKWARD, Reason.NOT_IN_GROUP)], ids=str
)
def test_required_group_counts_members_of_its_groups(make: Make, user: AdUser, reason: Reason) -> None:
    backend = make(required_group=samba_domain.MAIL_GROUP_DN)
    assert backend.authenticate(typed(user), TIMEOUT_S).reason is reason


@pytest.mark.parametrize("password", PASSWORDS)
def test_password_reaches_the_controller_as_it_was_typed(make: Make, ad: SambaAd, password: str) -> None:
    ad.modify(OTHER.dn, samba_domain.password_line(password))
    assert make().authenticate(typed(OTHER, password), TIMEOUT_S).accepted


def test_changed_password_counts_at_once(make: Make, ad: SambaAd) -> None:
    backend = make()
    ad.modify(NESTED.dn, samba_domain.password_line("new one"))
    assert backend.authenticate(typed(NESTED, "new one"), TIMEOUT_S).accepted
    assert backend.authenticate(typed(NESTED), TIMEOUT_S).reason is Reason.WRONG_PASSWORD
    ad.modify(NESTED.dn, samba_domain.password_line(NESTED.password))


def test_empty_password_asks_nobody(make: Make) -> None:
    backend = make(servers=("ldaps://127.0.0.1:1",))
    assert backend.authenticate(typed(GOOD, ""), TIMEOUT_S).reason is Reason.EMPTY_PASSWORD


def test_starttls_carries_a_login(make: Make, ad: SambaAd) -> None:
    assert make(servers=(ad.ldap_url,), starttls=True).authenticate(typed(GOOD), TIMEOUT_S).accepted


def test_controller_that_is_not_trusted_is_an_outage(make: Make, tmp_path: Path) -> None:
    answer = make(ca_file=Authority(tmp_path).ca_file).authenticate(typed(GOOD), TIMEOUT_S)
    assert answer.reason is Reason.DIRECTORY_UNAVAILABLE
    assert "CERTIFICATE_VERIFY_FAILED" in answer.detail


def test_base_that_does_not_exist_is_a_mistake_in_the_tenant_file(make: Make) -> None:
    answer = make(base_dn="OU=Nowhere,DC=ad,DC=lab,DC=test").authenticate(typed(GOOD), TIMEOUT_S)
    assert answer.reason is Reason.DIRECTORY_MISCONFIGURED
    assert "result 32" in answer.detail


def test_refused_search_account_is_not_tried_at_every_login(make: Make, ad: SambaAd) -> None:
    backend = make(bind_dn=samba_domain.AWKWARD.dn, bind_password_file=Secret("wrong"))
    reasons = {backend.authenticate(typed(GOOD), TIMEOUT_S).reason for _ in range(samba_domain.LOCKOUT_THRESHOLD + 1)}
    assert reasons == {Reason.DIRECTORY_MISCONFIGURED}
    assert make().authenticate(typed(samba_domain.AWKWARD), TIMEOUT_S).accepted  # it would be locked otherwise


def test_controller_that_is_down_is_an_outage_until_it_is_back(make: Make, own_ad: SambaAd) -> None:
    backend = make(servers=(own_ad.ldaps_url,))
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
    own_ad.stop()
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).reason is Reason.DIRECTORY_UNAVAILABLE
    own_ad.start()
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted


def test_restart_of_the_controller_between_two_logins_is_not_noticed(make: Make, own_ad: SambaAd) -> None:
    backend = make(servers=(own_ad.ldaps_url,))
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
    own_ad.stop()
    own_ad.start()
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted


def test_second_controller_answers_in_two_seconds_when_the_first_is_down(make: Make, ad: SambaAd, own_ad: SambaAd) -> None:
    backend = make(servers=(own_ad.ldaps_url, ad.ldaps_url))
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
    own_ad.stop()
    started = time.monotonic()
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
    assert time.monotonic() - started < 2


def test_second_controller_answers_in_two_seconds_when_the_first_is_stalled(make: Make, ad: SambaAd, own_ad: SambaAd) -> None:
    backend = make(servers=(own_ad.ldaps_url, ad.ldaps_url))
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
    own_ad.process.stall()
    started = time.monotonic()
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
    assert time.monotonic() - started < 2
    started = time.monotonic()
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
    assert time.monotonic() - started < 0.5  # the stalled one is left alone now


def test_only_controller_stalled_is_a_timeout_within_the_hosts_patience(make: Make, own_ad: SambaAd) -> None:
    backend = make(servers=(own_ad.ldaps_url,))
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
    own_ad.process.stall()
    started = time.monotonic()
    answer = backend.authenticate(typed(GOOD), 1.0)
    assert answer.reason is Reason.DIRECTORY_TIMEOUT
    assert own_ad.ldaps_url in answer.detail
    assert 0.8 < time.monotonic() - started < 1.0


@cooperative
def test_many_logins_at_a_stalled_controller_wait_no_longer_than_one(make: Make, own_ad: SambaAd) -> None:
    backend = make(servers=(own_ad.ldaps_url,), pool_size=2)
    own_ad.process.stall()
    started = time.monotonic()
    answers = at_once(lambda: backend.authenticate(typed(GOOD), 1.0), 20)
    assert time.monotonic() - started < 2
    assert {answer.reason.outcome.value for answer in answers} == {"unavailable"}


@cooperative
def test_many_logins_at_once_share_few_connections(make: Make) -> None:
    backend = make(pool_size=2)
    before = open_sockets()
    answers = at_once(lambda: backend.authenticate(typed(GOOD), 30.0), 100)
    assert all(answer.accepted for answer in answers)
    assert open_sockets() - before <= 4


def test_nothing_is_left_open_after_stop(make: Make) -> None:
    before = open_sockets()
    backend = make()
    backend.authenticate(typed(GOOD), TIMEOUT_S)
    assert open_sockets() > before
    backend.stop()
    assert open_sockets() == before


def test_global_catalog_can_be_asked_too(make: Make, ad: SambaAd) -> None:
    backend = make(servers=(f"{ad.ldaps_url}:{samba.PORTS[-1]}",))
    assert backend.authenticate(typed(GOOD), TIMEOUT_S).accepted
