import json
from datetime import timedelta

from click.shell_completion import ShellComplete

from cgappliance.cli import main
from tests.config.kit import Place, write_pair

from .conftest import Run

BETA = (("acme.example", "beta.example"), ("10993", "20993"), ("ACME Corporation", "ベータ"))


def test_list_shows_good_and_broken_tenants(place: Place, run: Run):
    place.tenant("acme", ("imaps = 10993", "imaps = 10993\npop3s = 10995"))
    place.tenant("beta", *BETA, ('"sso"', '"sos"'))
    result = run("tenant", "list")
    assert result.output.splitlines() == [
        "ID    STATE   EDITION  PORTS                     DOMAINS       NAME",
        "acme  ok      sso      imaps 10993, pop3s 10995  acme.example  ACME Corporation",
        "beta  broken  -        -                         -             -",
    ]
    assert result.exit_code == 1


def test_list_of_good_tenants_is_status_0(place: Place, run: Run):
    place.tenant("beta", *BETA)
    place.tenant("acme")
    result = run("tenant", "list", "--json")
    assert [(row["id"], row["name"]) for row in json.loads(result.output)] == [("acme", "ACME Corporation"), ("beta", "ベータ")]
    assert result.exit_code == 0


def test_show_prints_every_setting_and_masks_secrets(place: Place, run: Run):
    place.tenant("acme", ("[auth]", '[profiles.office]\nmail_access = ["imap"]\nremote_ips = ["192.0.2.7"]\n[auth]'))
    lines = run("tenant", "show", "acme").output.splitlines()
    for line in (
        "name: ACME Corporation",
        "seats: -",
        "listen.imaps: 10993",
        "listen.addresses: 0.0.0.0, ::",
        "auth.backend: active-directory",
        "auth.servers: ldaps://dc1.acme.example",
        "auth.password_file: ****",
        "upstream.smtps: smtp.gmail.com:465",
        "policy.default_profile: -",
        "profiles.office.remote_ips: 192.0.2.7/32",
        "problems: -",
    ):
        assert line in lines


def test_show_as_json_keeps_the_structure(place: Place, run: Run):
    place.tenant("acme", ("\n[listen]", "seats = 9\nstarts_on = 2026-04-01\n[listen]"))
    result = run("tenant", "show", "acme", "--json")
    data = json.loads(result.output)
    assert (data["seats"], data["starts_on"], data["ends_on"]) == (9, "2026-04-01", None)
    assert data["auth"]["password_file"] == "****"
    assert data["listen"]["proxy_protocol_from"] == []
    assert "bind-password" not in result.output
    assert result.exit_code == 0


def test_show_of_a_broken_tenant_tells_its_problems(place: Place, run: Run):
    path = place.tenant("acme", ('"sso"', '"sos"'))
    result = run("tenant", "show", "acme", "--json")
    assert json.loads(result.output) == {
        "id": "acme",
        "state": "broken",
        "problems": [f"{path}:2: edition: 'sos' is not a choice (did you mean 'sso'? choices: sso, light)"],
    }
    assert result.exit_code == 1


def test_show_tells_warnings_of_a_good_tenant(place: Place, run: Run):
    place.tenant("acme")
    write_pair(place.root / "tls", expires=timedelta(days=3))
    result = run("tenant", "show", "acme")
    assert "expires in 2 days" in result.output
    assert result.exit_code == 0


def test_show_of_an_unknown_tenant_tells_the_nearest(place: Place, run: Run):
    assert run("tenant", "show", "acme").output == "there is no tenant 'acme' (known: none)\n"
    place.tenant("acme")
    result = run("tenant", "show", "acne")
    assert (result.output, result.exit_code) == ("there is no tenant 'acne' (did you mean 'acme'?)\n", 1)


def test_wrong_appliance_file_is_status_2(place: Place, run: Run):
    place.toml.write_text("workers = 'two'\n")
    for words in (("tenant", "list"), ("tenant", "show", "acme")):
        assert run(*words).exit_code == 2


def test_tenants_are_completed_those_with_mistakes_too(place: Place):
    place.tenant("acme")
    place.tenant("acid", ('"sso"', '"sos"'))
    place.tenant("beta")
    completion = ShellComplete(main, {}, "cgappliance", "_CGAPPLIANCE_COMPLETE")
    words = ["--config", str(place.toml), "tenant", "show"]
    assert [item.value for item in completion.get_completions(words, "ac")] == ["acid", "acme"]


def test_nothing_is_completed_without_tenant_files(place: Place):
    place.toml.unlink()
    completion = ShellComplete(main, {}, "cgappliance", "_CGAPPLIANCE_COMPLETE")
    assert completion.get_completions(["--config", str(place.toml), "tenant", "show"], "") == []
