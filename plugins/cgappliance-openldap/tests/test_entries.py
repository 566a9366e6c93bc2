import pytest
from cgappliance_openldap import entries
from cgappliance_openldap.entries import Columns, Membership

from cgappliance.plugin_api import NewPerson

COLUMNS = Columns("mail", "pwdAccountLockedTime", "000001010000Z", frozenset({"acme.example"}))
YUKI = {"mail": [b"yuki@acme.example"], "givenName": ["由紀".encode()], "sn": [b"Sato"], "entryUUID": [b"1-2-3"]}


def entry(values: dict, groups: set[str] = frozenset(), further: str = ""):
    return COLUMNS.entry("uid=yuki,dc=x", values, groups, further)


def test_person_is_read_whole():
    person = entry({**YUKI, "title": [b"Boss", b"Friend"]}, {"cn=sales"}, "title")

    assert (person.identity, person.address, person.given_name, person.family_name) == (
        "1-2-3",
        "yuki@acme.example",
        "由紀",
        "Sato",
    )
    assert (person.disabled, person.groups, person.attribute) == (False, {"cn=sales"}, "Boss")


def test_names_of_attributes_have_no_case():
    assert entry({name.upper(): values for name, values in YUKI.items()}).family_name == "Sato"


def test_entry_without_anything_is_known_by_its_dn():
    person = entry({})

    assert (person.identity, person.address, person.given_name, person.disabled) == ("uid=yuki,dc=x", "", "", False)


@pytest.mark.parametrize(("value", "disabled"), [(b"000001010000Z", True), (b"000001010000z", True), (b"20260101000000Z", False)])
def test_entry_is_off_by_one_value_only(value: bytes, disabled: bool):
    assert entry({**YUKI, "pwdAccountLockedTime": [value]}).disabled is disabled


def test_of_several_addresses_one_of_the_tenants_counts():
    assert entry({"mail": [b"y@private.example", b"yuki@ACME.example", b"sato@acme.example"]}).address == "yuki@ACME.example"
    assert entry({"mail": [b"y@private.example"]}).address == "y@private.example"


def test_further_addresses_are_aliases():
    assert entry({"mail": [b"yuki@acme.example", b"Sato@ACME.example"]}).aliases == {"sato@acme.example"}
    assert entry(YUKI).aliases == frozenset()


def test_attributes_to_ask_for_are_named_once():
    assert COLUMNS.wanted("mail").count("mail") == 1
    assert "title" in COLUMNS.wanted("title")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=yuki,dc=acme", "UID=Yuki, DC=Acme"),
        (r"cn=Yamada\, Taro,dc=acme", r"cn=Yamada\2C Taro,dc=acme"),
        ("uid=yuki+cn=x,dc=acme", "CN=x+UID=yuki,dc=acme"),
        ("no dn at all", "NO DN AT ALL"),
    ],
)
def test_dn_is_the_same_however_it_is_written(one: str, other: str):
    assert entries.key_of(one) == entries.key_of(other)


@pytest.mark.parametrize(
    ("one", "other"), [("uid=yuki,dc=acme", "uid=yuki2,dc=acme"), ("uid=a,ou=b", "uid=a+ou=b"), ("uid=a", "cn=a")]
)
def test_other_dn_is_another(one: str, other: str):
    assert entries.key_of(one) != entries.key_of(other)


def test_new_entry_has_what_its_class_needs():
    attributes = dict(entries.new_attributes(NewPerson("yuki@acme.example", "由紀", "Sato"), "mail", ("inetOrgPerson",)))

    assert attributes["objectClass"] == [b"inetOrgPerson"]
    assert (attributes["cn"], attributes["sn"], attributes["uid"]) == (["由紀 Sato".encode()], [b"Sato"], [b"yuki"])
    assert attributes["mail"] == [b"yuki@acme.example"]


def test_attribute_without_value_is_left_out():
    assert "givenName" not in dict(entries.new_attributes(NewPerson("info@acme.example", "", "Info"), "mail", ("person",)))


@pytest.mark.parametrize(("address", "dn"), [("a+b@x", r"uid=a\+b,ou=people"), ('"x,y"@x', r"uid=\"x\,y\",ou=people")])
def test_new_dn_stays_under_its_parent_whatever_the_address(address: str, dn: str):
    assert entries.new_dn(NewPerson(address, "", ""), "ou=people") == dn


def groups_of(group: dict, dn: str = "uid=yuki,dc=x", **values: list[bytes]) -> set[str]:
    return Membership({"cn=Sales,dc=x": entries.members_of(group)}).of(dn, values)


@pytest.mark.parametrize("attribute", ["member", "uniqueMember"])
def test_group_lists_its_members_by_dn(attribute: str):
    assert groups_of({attribute: [b"uid=a,dc=x", b"UID=Yuki, dc=x"]}) == {"cn=Sales,dc=x"}
    assert groups_of({attribute: [b"uid=yuki2,dc=x"]}) == set()


def test_posix_group_lists_its_members_by_name():
    assert groups_of({"memberUid": [b"yuki"]}, uid=[b"yuki"]) == {"cn=Sales,dc=x"}
    assert groups_of({"memberUid": [b"yuki2"]}, uid=[b"yuki"]) == set()


def test_entry_may_name_its_groups_itself():
    assert groups_of({}, memberOf=[b"CN=sales, DC=x", b"cn=other,dc=x"]) == {"cn=Sales,dc=x"}
