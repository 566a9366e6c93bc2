"""The people of a real domain; what every directory must do besides stands in test_contract.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from cgappliance_active_directory import people
from cgappliance_active_directory.people import People

from cgappliance.plugin_api import DirectoryEntry, DirectoryFailed, DirectoryQuery, Reason, Secret, TenantContext
from cgappliance.testing.lab import samba_domain
from cgappliance.testing.lab.process import free_port
from cgappliance.testing.lab.samba import SambaAd
from cgappliance.testing.lab.samba_domain import (
    DISABLED,
    GOOD,
    JAPANESE,
    MAIL_GROUP_DN,
    NESTED,
    OTHER,
    TWINS,
    TWINS_MAIL,
    USERS,
)

pytestmark = pytest.mark.integration

Make = Callable[..., People]


@pytest.fixture
def make_people(settings: Callable[..., dict[str, Any]]) -> Iterator[Make]:
    with ExitStack() as stack:

        def make(ad: SambaAd, **changed: Any) -> People:
            made = People(TenantContext("acme", frozenset({samba_domain.MAIL_DOMAIN}), settings(ad, **changed)))
            stack.callback(made.close)
            return made

        yield make


def listed(source: People, *groups: str, attribute: str = "") -> dict[str, DirectoryEntry]:
    return {entry.address: entry for page in source.pages(DirectoryQuery(groups, attribute)) for entry in page}


def refusal(call: Callable[[], object]) -> DirectoryFailed:
    with pytest.raises(DirectoryFailed) as failed:
        call()
    return failed.value


def test_everybody_with_an_address_is_listed(ad: SambaAd, make_people: Make) -> None:
    found = listed(make_people(ad))

    assert set(found) == {user.mail for user in USERS if user not in TWINS} | {TWINS_MAIL}


def test_disabled_is_the_bit_of_the_account(ad: SambaAd, make_people: Make) -> None:
    assert [address for address, entry in listed(make_people(ad)).items() if entry.disabled] == [DISABLED.mail]


def test_membership_counts_through_groups_in_groups(ad: SambaAd, make_people: Make) -> None:
    found = listed(make_people(ad), MAIL_GROUP_DN)

    assert {address for address, entry in found.items() if MAIL_GROUP_DN in entry.groups} == {GOOD.mail, NESTED.mail}


def test_required_group_keeps_others_out(ad: SambaAd, make_people: Make) -> None:
    source = make_people(ad, required_group=MAIL_GROUP_DN)

    assert set(listed(source)) == {GOOD.mail, NESTED.mail}
    assert source.find(NESTED.mail) is not None
    assert source.find(OTHER.mail) is None


def test_group_that_does_not_exist_is_a_mistake_of_the_tenant_file(ad: SambaAd, make_people: Make) -> None:
    assert refusal(lambda: listed(make_people(ad), f"CN=Nobody,{samba_domain.GROUPS_DN}")).reason is Reason.DIRECTORY_MISCONFIGURED
    assert refusal(lambda: listed(make_people(ad), GOOD.dn)).detail == f"{GOOD.dn} is no group"


def test_attribute_is_read_where_it_is(ad: SambaAd, make_people: Make) -> None:
    found = listed(make_people(ad), attribute="sAMAccountName")

    assert found[GOOD.mail].attribute == "taro"


def test_names_come_with_the_entry(own_ad: SambaAd, make_people: Make) -> None:
    own_ad.modify(JAPANESE.dn, "givenName:: 6Iqx5a2Q", "sn:: 5bGx55Sw")

    entry = make_people(own_ad).find(JAPANESE.mail)

    assert entry is not None
    assert (entry.given_name, entry.family_name) == ("花子", "山田")


def test_primary_address_of_a_mailbox_is_the_account(ad: SambaAd, make_people: Make) -> None:
    found = listed(make_people(ad, login_attribute="proxyAddresses"))

    assert found[GOOD.mail].aliases == {"taro.tanaka@lab.test", "info@lab.test"}
    assert "taro.tanaka@lab.test" not in found


def test_principal_name_may_be_the_login_name(ad: SambaAd, make_people: Make) -> None:
    assert GOOD.upn in listed(make_people(ad, login_attribute="userPrincipalName"))


def test_two_entries_of_one_address_are_listed_both_and_found_by_nobody(ad: SambaAd, make_people: Make) -> None:
    source = make_people(ad)

    twins = [entry for page in source.pages(DirectoryQuery()) for entry in page if entry.address == TWINS_MAIL]

    assert len({entry.identity for entry in twins}) == 2
    assert refusal(lambda: source.find(TWINS_MAIL)).reason is Reason.AMBIGUOUS_ADDRESS


def test_second_controller_is_read_when_the_first_is_down(ad: SambaAd, make_people: Make) -> None:
    down = f"ldaps://127.0.0.1:{free_port('127.0.0.1')}"
    source = make_people(ad, servers=(down, ad.ldaps_url))

    assert GOOD.mail in listed(source)
    assert [check.reason for check in source.check()] == [Reason.DIRECTORY_UNAVAILABLE, Reason.ACCEPTED]


def test_wrong_password_of_the_appliance_is_a_mistake_of_the_tenant_file(ad: SambaAd, make_people: Make) -> None:
    source = make_people(ad, bind_password_file=Secret("wrong"))

    assert refusal(lambda: listed(source)).reason is Reason.DIRECTORY_MISCONFIGURED
    assert [check.reason for check in source.check()] == [Reason.DIRECTORY_MISCONFIGURED]


def test_base_that_does_not_exist_is_told(ad: SambaAd, make_people: Make) -> None:
    source = make_people(ad, base_dn=f"OU=Nowhere,{samba_domain.BASE_DN}")

    assert [check.reason for check in source.check()] == [Reason.DIRECTORY_MISCONFIGURED]
    assert refusal(lambda: listed(source)).reason is Reason.DIRECTORY_MISCONFIGURED


def test_long_list_comes_in_pages_and_whole(ad: SambaAd, make_people: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "PAGE_ENTRIES", 5)

    pages = [[entry.identity for entry in page] for page in make_people(ad).pages(DirectoryQuery())]

    assert {len(page) for page in pages[:-1]} == {5}
    assert len({identity for page in pages for identity in page}) == len(USERS)
