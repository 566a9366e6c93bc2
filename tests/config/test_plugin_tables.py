from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cgappliance.config.plugin_tables import read_choice
from cgappliance.config.schema_tenant import AUTH
from cgappliance.model import PluginChoice
from cgappliance.plugin_api import BackendKind, Mistake, Setting, SettingType
from cgappliance.secret import Secret

from .kit import KINDS, make_nothing, read_text, told, write_private

GOOD = '[auth]\nservers = ["ldaps://a"]\npassword_file = "s"\n'


def read(
    folder: Path, text: str, default: str | None = "openldap", kinds: Mapping[str, BackendKind] = KINDS.backends
) -> tuple[PluginChoice | None, list[str]]:
    write_private(folder / "s", "pw\n")
    reader = read_text(folder, text)
    choice = read_choice(reader, AUTH, kinds, default)
    return choice, told(reader.problems)


def kind(check: Any) -> dict[str, BackendKind]:
    settings = (Setting("a", SettingType.INTEGER, "A.", default=1), Setting("b", SettingType.INTEGER, "B.", default=2))
    return {"x": BackendKind("x", make_nothing, settings, check)}


def test_default_kind_gets_its_settings_typed(tmp_path: Path):
    choice, problems = read(tmp_path, GOOD)
    assert problems == []
    assert choice == PluginChoice("openldap", {"servers": ("ldaps://a",), "password_file": Secret("pw"), "starttls": False})


def test_named_kind_comes_before_the_default(tmp_path: Path):
    assert read(tmp_path, '[auth]\nbackend = "plain"\n') == (PluginChoice("plain", {}), [])


def test_kind_that_is_not_installed_is_told_with_those_that_are(tmp_path: Path):
    assert read(tmp_path, '[auth]\nbackend = "opendlap"\n') == (
        None,
        [
            "some.toml:2: auth.backend: there is no backend 'opendlap' "
            "(did you mean 'openldap'? installed: active-directory, openldap, plain; others come as packages)"
        ],
    )


def test_default_kind_that_is_not_installed_is_told_at_the_table(tmp_path: Path):
    assert read(tmp_path, '\n[auth]\nservers = ["ldaps://a"]\n', kinds={})[1] == [
        "some.toml:2: auth.backend: there is no backend 'openldap' (installed: none; others come as packages)"
    ]


def test_unknown_default_is_not_guessed(tmp_path: Path):
    assert read(tmp_path, GOOD, default=None) == (None, [])


def test_line_that_cannot_be_read_may_have_named_another_kind(tmp_path: Path):
    choice, problems = read(tmp_path, "[auth]\nbackend = plain\n")
    assert choice is None
    assert len(problems) == 1


def test_key_of_another_kind_is_unknown(tmp_path: Path):
    assert read(tmp_path, '[auth]\nbackend = "plain"\nservers = []\n')[1] == [
        "some.toml:3: auth.servers: unknown key 'servers' (remove it; known here: backend)"
    ]


def test_cross_check_is_told_at_its_place(tmp_path: Path):
    assert read(tmp_path, GOOD.replace('"ldaps://a"', '"ldaps://a",\n  "http://b"'))[1] == [
        "some.toml:3: auth.servers[1]: scheme 'http' not allowed (use ldaps:// or ldap:// with starttls = true)"
    ]


def test_cross_check_speaks_also_when_another_key_is_wrong(tmp_path: Path):
    problems = read(tmp_path, GOOD.replace("ldaps://a", "http://a").replace('"s"', '"missing"'))[1]
    assert ["http" in problem for problem in problems] == [False, True]


def test_cross_check_may_stumble_over_a_key_that_is_wrong_itself(tmp_path: Path):
    problems = read(tmp_path, GOOD.replace('["ldaps://a"]', '"http://a"'))[1]
    assert len(problems) == 1
    assert "must be a list of strings" in problems[0]


def test_cross_check_does_not_repeat_what_was_told(tmp_path: Path):
    def check(_settings: Mapping[str, Any]) -> list[Mistake]:
        return [Mistake("a", "again", ""), Mistake("b[x]", "odd", "mend it")]

    assert [problem.split(": ")[1:3] for problem in read(tmp_path, '[auth]\na = "x"\n', "x", kind(check))[1]] == [
        ["auth.a", "must be an integer, not a string (write a whole number without quotes)"],
        ['auth."b[x]"', "odd (mend it)"],
    ]


@pytest.mark.parametrize("error", [KeyError("c"), ValueError("boom")])
def test_cross_check_that_raises_is_the_plugins_mistake_and_no_crash(tmp_path: Path, error: Exception):
    def check(_settings: Mapping[str, Any]) -> list[Mistake]:
        raise error

    assert read(tmp_path, "[auth]\n", "x", kind(check)) == (
        None,
        [
            f"some.toml:1: auth: the check of 'x' failed with {type(error).__name__} "
            "(this is a mistake of its plugin: tell the plugin's author)"
        ],
    )


def test_settings_cannot_be_changed_by_a_plugin(tmp_path: Path):
    choice, _ = read(tmp_path, GOOD)
    assert choice is not None
    with pytest.raises(TypeError):
        choice.settings["servers"] = ()  # type: ignore[index]
