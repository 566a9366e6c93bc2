from cgappliance.testing.lab.slapd_data import Person, Policy, dn_of, entries, group_dn, ldif, people

YUKI = Person("yuki@lab.test", "pw", groups=["mail"])


def directory(*members: Person, memberof: bool = True) -> dict[str, dict[str, list[str]]]:
    return {
        dn: {key: list(values) for key, values in attributes.items()}
        for dn, attributes in entries(members, Policy(), memberof=memberof)
    }


def test_parents_come_before_their_children() -> None:
    seen: list[str] = []
    for dn in directory(YUKI):
        assert not seen or dn.partition(",")[2] in seen
        seen.append(dn)


def test_groups_are_made_of_what_people_name() -> None:
    found = directory(YUKI, Person("ken@lab.test", "pw", groups=["mail", "sales"]))
    assert found[group_dn("mail")]["member"] == [dn_of(YUKI), "uid=ken,ou=people,dc=lab,dc=test"]
    assert found[group_dn("sales")]["member"] == ["uid=ken,ou=people,dc=lab,dc=test"]


def test_entries_say_their_groups_only_when_asked() -> None:
    assert directory(YUKI)[dn_of(YUKI)]["memberOf"] == [group_dn("mail")]
    assert "memberOf" not in directory(YUKI, memberof=False)[dn_of(YUKI)]


def test_passwords_are_hashed_and_salted() -> None:
    first, second = (directory(YUKI)[dn_of(YUKI)]["userPassword"][0] for _ in range(2))
    assert first.startswith("{SSHA}")
    assert first != second


def test_ldif_holds_any_text() -> None:
    assert ldif([("cn=a", {"cn": ["\n: <x"]})]) == "dn:: Y249YQ==\ncn:: CjogPHg=\n"


def test_people_are_numbered() -> None:
    assert [(person.address, person.password) for person in people(2)] == [
        ("u0000@lab.test", "pw0000"),
        ("u0001@lab.test", "pw0001"),
    ]
