from __future__ import annotations

import json

from tests.cli.conftest import Run
from tests.config.kit import Place


def test_an_account_is_created_listed_and_shown(office: Run):
    assert office("account", "create", "acme", "Yuki@acme.example", "--profile", "office").output == "yuki@acme.example: created\n"
    assert office("account", "list", "acme").output.splitlines() == [
        "ADDRESS            PROFILE  STATE    GOOGLE",
        "yuki@acme.example  office   enabled  unknown",
        "1 accounts shown; 1 of 3 seats used",
    ]
    lines = office("account", "show", "acme", "yuki@acme.example").output.splitlines()
    for line in ("address: yuki@acme.example", "profile: office", "enabled: True", "locked_until: -", "reset_due: False"):
        assert line in lines


def test_json_holds_the_same_without_what_is_internal(office: Run):
    office("account", "create", "acme", "yuki@acme.example")
    data = json.loads(office("account", "list", "acme", "--json").output)
    assert (data["seats_used"], data["seats"]) == (0, 3)
    (row,) = data["accounts"]
    assert (row["address"], row["own_profile"], row["locked_until"]) == ("yuki@acme.example", "", None)
    assert not {"id", "uid", "version"} & row.keys()
    shown = json.loads(office("account", "show", "acme", "yuki@acme.example", "--json").output)
    assert (shown["last_logins"], shown["credentials"]) == ([], [])


def test_filters_and_pages(office: Run):
    for name in ("a", "b", "c"):
        office("account", "create", "acme", f"{name}@acme.example")
    office("account", "disable", "acme", "b@acme.example")

    def listed(*options: str) -> list[str]:
        return [row["address"][0] for row in json.loads(office("account", "list", "acme", "--json", *options).output)["accounts"]]

    assert listed("--enabled") == ["a", "c"]
    assert listed("--disabled") == ["b"]
    assert listed("--search", "C@") == ["c"]
    assert listed("--after", "a@acme.example", "--limit", "1") == ["b"]
    assert listed("--locked") == []


def test_accounts_are_switched_unlocked_renamed_and_deleted(office: Run):
    office("account", "create", "acme", "yuki@acme.example")
    assert office("account", "disable", "acme", "yuki@acme.example", "--reason", "left").output == "yuki@acme.example: disabled\n"
    assert "disabled by admin" in office("account", "list", "acme").output
    assert office("account", "enable", "acme", "yuki@acme.example").output == "yuki@acme.example: enabled\n"
    unlocked = office("account", "unlock", "acme", "Yuki@acme.example")
    assert unlocked.output == "yuki@acme.example: nothing counted against it\n"
    renamed = office("account", "rename", "acme", "yuki@acme.example", "snow@acme.example")
    assert renamed.output == "yuki@acme.example: now snow@acme.example\n"
    assert office("account", "delete", "acme", "snow@acme.example").output == "snow@acme.example: deleted\n"


def test_what_cannot_be_done_is_one_line_and_status_1(office: Run):
    result = office("account", "create", "acme", "yuki@other.example")
    assert result.output == "address: 'other.example' is not a domain of acme (it has acme.example)\n"
    assert result.exit_code == 1


def test_export_and_import_go_round(office: Run, place: Place):
    office("account", "create", "acme", "yuki@acme.example", "--profile", "office")
    file = place.root / "accounts.csv"
    assert office("account", "export", "acme", "--bom", "-o", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text(encoding="utf-8-sig")
    assert text in office("account", "export", "acme").output
    file.write_text(text.replace("\n,yuki", "\nUPDATE,yuki").replace(",office,", ",(default),"))
    dry = office("account", "import", "acme", str(file), "--dry-run")
    assert dry.output.splitlines() == ["line 2: update yuki@acme.example (profile: office -> )", "1 lines would be done"]
    assert office("account", "import", "acme", str(file)).output.endswith("1 lines done\n")
    assert json.loads(office("account", "import", "acme", str(file), "--json").output)["lines"][0]["after"] == {}


def test_an_existing_file_is_not_overwritten_by_an_export(office: Run, place: Place):
    file = place.root / "precious"
    file.write_text("x")
    result = office("account", "export", "acme", "-o", str(file))
    assert (result.exit_code, file.read_text()) == (1, "x")


def test_every_line_that_is_wrong_is_told_by_import(office: Run, place: Place):
    file = place.root / "accounts.csv"
    file.write_text("operation,address\nUPDATE,nobody@acme.example\nREMOVE,x\n")
    result = office("account", "import", "acme", str(file))
    assert [line.partition(":")[0] for line in result.output.splitlines()] == ["line 2", "line 3"]
    assert result.exit_code == 1
