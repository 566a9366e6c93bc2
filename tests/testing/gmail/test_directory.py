import pytest

from cgappliance.testing.gmail.clock import Clock
from cgappliance.testing.gmail.directory import Directory, DuplicateAddress


@pytest.fixture
def directory() -> Directory:
    return Directory(Clock(source=lambda: 1000.0))


def test_account_is_found_by_address_alias_and_id_without_case(directory: Directory):
    account = directory.add("Yuki@Acme.example")
    account.aliases.append("y@acme.example")

    assert [directory.find(name) for name in ("YUKI@acme.example", "Y@acme.example", account.id)] == [account] * 3


def test_unknown_account_is_an_error_that_names_it(directory: Directory):
    with pytest.raises(KeyError, match=r"nobody@acme\.example"):
        directory.get("nobody@acme.example")


def test_address_and_alias_are_taken(directory: Directory):
    directory.add("yuki@acme.example").aliases.append("y@acme.example")

    for taken in ("yuki@acme.example", "Y@acme.example"):
        with pytest.raises(DuplicateAddress):
            directory.add(taken)


def test_rename_leaves_the_old_address_as_alias(directory: Directory):
    account = directory.add("old@acme.example")

    directory.rename(account, "New@acme.example")

    assert account.address == "new@acme.example"
    assert directory.find("old@acme.example") is account


def test_rename_back_to_an_alias_is_possible(directory: Directory):
    account = directory.add("old@acme.example")
    directory.rename(account, "new@acme.example")

    directory.rename(account, "old@acme.example")

    assert (account.address, account.aliases) == ("old@acme.example", ["new@acme.example"])


def test_new_password_revokes_app_passwords(directory: Directory):
    account = directory.add("yuki@acme.example")
    directory.add_app_password(account, "phone")

    directory.set_password(account, "new")

    assert account.app_passwords == []


def test_app_password_is_sixteen_letters_without_spaces(directory: Directory):
    account = directory.add("yuki@acme.example")

    made, given = directory.add_app_password(account, "phone"), directory.add_app_password(account, "pc", "abcd efgh ijkl mnop")

    assert len(made.password) == 16
    assert made.password.isalpha()
    assert given.password == "abcdefghijklmnop"
    assert made.code_id != given.code_id


def test_removed_account_is_gone(directory: Directory):
    directory.remove(directory.add("yuki@acme.example"))

    assert list(directory) == []
