from __future__ import annotations

import getpass

import pytest
from click.shell_completion import ShellComplete

from cgappliance.admin.desk import Actor
from cgappliance.cli import main
from cgappliance.cli.desk import actor
from tests.cli.conftest import Run
from tests.config.kit import Place


def test_an_unknown_tenant_is_answered_with_the_one_that_was_meant(office: Run):
    result = office("account", "list", "acne")
    assert (result.output, result.exit_code) == ("there is no tenant 'acne' (did you mean 'acme'?)\n", 1)


def test_a_broken_tenant_tells_its_mistakes(office: Run, place: Place):
    path = place.tenant("acme", ('"sso"', '"sos"'))
    result = office("account", "list", "acme")
    assert result.output.startswith(f"{path}:2: edition:")
    assert result.exit_code == 1


def test_a_default_profile_may_be_one_that_was_made_here(office: Run, place: Place):
    office("profile", "copy", "acme", "office", "home")
    file = place.conf_d / "acme.toml"
    place.file("acme", file.read_text() + '\n[policy]\ndefault_profile = "home"\n')
    office("account", "create", "acme", "yuki@acme.example")
    assert "yuki@acme.example  home" in office("account", "list", "acme").output


def test_behind_sudo_the_person_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUDO_USER", "ken")
    assert actor() == Actor("ken", "command line")
    monkeypatch.delenv("SUDO_USER")
    assert actor().name == getpass.getuser()


def test_tenants_are_completed(place: Place):
    place.tenant("acme")
    completion = ShellComplete(main, {}, "cgappliance", "_CGAPPLIANCE_COMPLETE")
    words = ["--config", str(place.toml), "account", "list"]
    assert [item.value for item in completion.get_completions(words, "a")] == ["acme"]
