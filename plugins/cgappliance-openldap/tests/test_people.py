"""The people of a real slapd, as a whole and one by one; what every directory must do besides stands in test_contract.py."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cgappliance_openldap.people import PAGE_ENTRIES, People

from cgappliance.plugin_api import DirectoryEntry, DirectoryFailed, DirectoryQuery, Reason, Secret, TenantContext
from cgappliance.testing.contract import DOMAIN
from cgappliance.testing.lab.process import free_port
from cgappliance.testing.lab.slapd import Person, Slapd
from cgappliance.testing.lab.slapd_data import group_dn, people

pytestmark = pytest.mark.integration

SALES, MAIL = group_dn("sales"), group_dn("mail")
Make = Callable[..., People]


@pytest.fixture
def make(settings_of: Callable[..., dict[str, Any]]) -> Iterator[Make]:
    with ExitStack() as stack:

        def make(slapd: Slapd, **changes: Any) -> People:
            made = People(TenantContext("lab", frozenset({DOMAIN}), settings_of(slapd, **changes)))
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A directory whose entries do not say which groups they are in."""
    members = [Person(f"a@{DOMAIN}", "pw", groups=["sales"]), Person(f"b@{DOMAIN}", "pw", groups=["mail"])]
    with Slapd(tmp_path_factory.mktemp("plain") / "slapd", people=members, memberof=False) as server:
        yield server


def listed(source: People, *groups: str, attribute: str = "") -> dict[str, DirectoryEntry]:
    return {entry.address: entry for page in source.pages(DirectoryQuery(groups, attribute)) for entry in page}


def refusal(call: Callable[[], object]) -> DirectoryFailed:
    with pytest.raises(DirectoryFailed) as failed:
        call()
    return failed.value


def test_long_list_comes_in_pages_and_whole(tmp_path: Path, make: Make):
    with Slapd(tmp_path / "slapd", people=people(2 * PAGE_ENTRIES + 1, DOMAIN)) as server:
        pages = [[entry.address for entry in page] for page in make(server).pages(DirectoryQuery())]

    assert list(map(len, pages)) == [PAGE_ENTRIES, PAGE_ENTRIES, 1]
    assert len({address for page in pages for address in page}) == 2 * PAGE_ENTRIES + 1


def test_locked_by_an_administrator_is_switched_off(slapd: Slapd, make: Make):
    assert [address for address, entry in listed(make(slapd)).items() if entry.disabled] == [f"locked@{DOMAIN}"]


def test_groups_are_those_asked_for_written_as_asked(slapd: Slapd, make: Make):
    shouted = SALES.upper().replace(",", ", ")

    people = listed(make(slapd), shouted, MAIL)

    assert people[f"outsider@{DOMAIN}"].groups == {shouted}
    assert people[f"comma@{DOMAIN}"].groups == {shouted, MAIL}
    assert people[f"u0000@{DOMAIN}"].groups == set()


def test_groups_are_known_without_member_of_too(plain: Slapd, make: Make):
    people = listed(make(plain), SALES)

    assert [people[f"{name}@{DOMAIN}"].groups for name in "ab"] == [{SALES}, set()]


@pytest.mark.parametrize("memberof", [True, False])
def test_required_group_keeps_others_out(request: pytest.FixtureRequest, make: Make, memberof: bool):
    server: Slapd = request.getfixturevalue("slapd" if memberof else "plain")
    source = make(server, required_group=SALES)

    people = listed(source)

    assert set(people) == ({f"comma@{DOMAIN}", f"outsider@{DOMAIN}"} if memberof else {f"a@{DOMAIN}"})
    assert {entry.groups for entry in people.values()} == {frozenset()}  # it was not asked for
    assert source.find(next(iter(people))) is not None
    assert source.find(f"{'plain' if memberof else 'b'}@{DOMAIN}") is None


def test_group_that_does_not_exist_is_a_mistake_of_the_tenant_file(slapd: Slapd, make: Make):
    failed = refusal(lambda: listed(make(slapd), group_dn("nobody")))

    assert failed.reason is Reason.DIRECTORY_MISCONFIGURED
    assert group_dn("nobody") in failed.detail


def test_attribute_is_read_where_it_is(slapd: Slapd, make: Make):
    people = listed(make(slapd), attribute="uid")

    assert people[f"u0001@{DOMAIN}"].attribute == "u0001"


def test_filter_narrows_the_list(slapd: Slapd, make: Make):
    assert set(listed(make(slapd, filter="(uid=u000*)"))) == {f"u{number:04d}@{DOMAIN}" for number in range(10)}


def test_two_entries_of_one_address_are_listed_both_and_found_by_nobody(slapd: Slapd, make: Make):
    source = make(slapd)

    twins = [entry for page in source.pages(DirectoryQuery()) for entry in page if entry.address == f"twin@{DOMAIN}"]

    assert len(twins) == 2
    assert refusal(lambda: source.find(f"twin@{DOMAIN}")).reason is Reason.AMBIGUOUS_ADDRESS


def test_identity_outlives_a_new_name_and_address(tmp_path: Path, make: Make):
    with Slapd(tmp_path / "slapd", people=people(1, DOMAIN)) as server:
        before = listed(make(server))[f"u0000@{DOMAIN}"]
        dn = f"uid=u0000,ou=people,{server.base_dn}"
        server.modify(f"dn: {dn}\nchangetype: modrdn\nnewrdn: uid=new\ndeleteoldrdn: 1\n")
        server.modify(f"dn: uid=new,ou=people,{server.base_dn}\nchangetype: modify\nreplace: mail\nmail: new@{DOMAIN}\n")

        assert listed(make(server))[f"new@{DOMAIN}"].identity == before.identity


def test_second_server_is_read_when_the_first_is_down(slapd: Slapd, make: Make):
    down = f"ldaps://127.0.0.1:{free_port('127.0.0.1')}"
    source = make(slapd, servers=(down, slapd.ldaps_url))

    assert f"u0000@{DOMAIN}" in listed(source)
    assert [check.reason for check in source.check()] == [Reason.DIRECTORY_UNAVAILABLE, Reason.ACCEPTED]


def test_wrong_password_of_the_appliance_is_a_mistake_of_the_tenant_file(slapd: Slapd, make: Make):
    source = make(slapd, bind_password_file=Secret("wrong"))

    assert refusal(lambda: listed(source)).reason is Reason.DIRECTORY_MISCONFIGURED
    assert [check.reason for check in source.check()] == [Reason.DIRECTORY_MISCONFIGURED]


def test_base_that_does_not_exist_is_told_by_the_check(slapd: Slapd, make: Make):
    (check,) = make(slapd, base_dn=f"ou=nowhere,{slapd.base_dn}").check()

    assert check.reason is Reason.DIRECTORY_MISCONFIGURED


def test_server_that_gives_only_some_entries_is_told_with_the_remedy(tmp_path: Path, make: Make):
    server = Slapd(tmp_path / "slapd", people=people(30, DOMAIN))
    configuration = server.folder / "slapd.conf"
    limit = f'limits dn.exact="{server.bind_dn}" size.soft=10 size.hard=10 size.prtotal=10'
    configuration.write_text(configuration.read_text().replace(f'suffix "{server.base_dn}"', f'suffix "{server.base_dn}"\n{limit}'))
    with server:
        failed = refusal(lambda: listed(make(server)))

    assert failed.reason is Reason.DIRECTORY_MISCONFIGURED
    assert "olcLimits" in failed.detail


def test_directory_that_goes_away_between_pages_is_told(tmp_path: Path, make: Make):
    with Slapd(tmp_path / "slapd", people=people(PAGE_ENTRIES + 1, DOMAIN)) as server:
        pages = make(server).pages(DirectoryQuery())
        next(pages)
        with server.stopped():
            assert refusal(lambda: next(pages)).reason is Reason.DIRECTORY_UNAVAILABLE
