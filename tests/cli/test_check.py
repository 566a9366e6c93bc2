import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cgappliance.errors import PluginError
from tests.config.kit import Place

from .conftest import Run

FAKE_PLUGIN = """\
from cgappliance.plugin_api import BackendKind, Mistake, ProviderKind, Setting, SettingType, hookimpl

def check(settings):
    return [
        Mistake(f"servers[{index}]", "scheme 'http' not allowed", "use ldaps:// or ldap:// with starttls = true")
        for index, url in enumerate(settings["servers"])
        if url.startswith("http://")
    ]

@hookimpl
def cgappliance_auth_backends():
    settings = (
        Setting("servers", SettingType.STRINGS, "Servers."),
        Setting("password_file", SettingType.SECRET_FILE, "Password."),
    )
    return [BackendKind("fake-directory", None, settings, check)]

@hookimpl
def cgappliance_credential_providers():
    return [ProviderKind("fake-google", None)]
"""

SIX_MISTAKES = """\
name = "ACME Corporation"
edition = "sos"
domians = ["acme.example"]

[listen]
hostname = "acme.cloudgate.example"
imaps = 993
certificate = "../tls/acme.crt"
private_key = "../tls/acme.key"

[auth]
backend = "fake-directory"
servers = ["ldaps://dc1.acme.example", "http://dc2.acme.example"]
password_file = "../secrets/missing"

[google]
provider = "fake-google"

[profiles.office]
mail_access = ["imap"]
remote_ips = ["203.0.113.0/24", "123.456.78.90"]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder with an installed plugin, as ``importlib.metadata`` sees it."""
    folder = tmp_path / "site"
    info = folder / "fake_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "fake_plugin.py").write_text(FAKE_PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[cgappliance]\nfake = fake_plugin\n")
    return folder


def real_check(place: Place, plugin: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(plugin), "CGAPPLIANCE_CONFIG": "cgappliance.toml"}
    command = [sys.executable, "-m", "cgappliance", "check", *arguments]
    return subprocess.run(command, cwd=place.root, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_six_mistakes_on_six_lines_are_all_found_at_once(place: Place, plugin: Path):
    place.file("acme", SIX_MISTAKES)
    done = real_check(place, plugin)
    assert done.stdout.splitlines() == [
        "conf.d/acme.toml:2: edition: 'sos' is not a choice (did you mean 'sso'? choices: sso, light)",
        "conf.d/acme.toml:3: domians: unknown key 'domians' (did you mean 'domains'?)",
        "conf.d/acme.toml:7: listen.imaps: 993 is out of range (at least 10000)",
        "conf.d/acme.toml:13: auth.servers[1]: scheme 'http' not allowed (use ldaps:// or ldap:// with starttls = true)",
        f"conf.d/acme.toml:14: auth.password_file: {place.conf_d}/../secrets/missing cannot be read: No such file or directory "
        "(correct the path, or put the file there)",
        "conf.d/acme.toml:21: profiles.office.remote_ips[1]: '123.456.78.90' is not an address: octet 456 (> 255) not permitted "
        "(write an address or a network: 192.0.2.10, 192.0.2.0/24 or 2001:db8::/32)",
        "6 errors, 0 warnings; 0 of 1 tenant can be served",
    ]
    assert done.stderr == ""
    assert done.returncode == 1


def test_real_command_is_content_with_a_good_tenant(place: Place, plugin: Path):
    good = SIX_MISTAKES.replace("sos", "sso").replace("domians", "domains").replace("imaps = 993", "imaps = 10993")
    place.file("acme", good.replace("http:", "ldaps:").replace("missing", "acme-bind").replace("123.456.78.90", "192.0.2.1"))
    done = real_check(place, plugin)
    assert (done.stdout, done.stderr) == ("0 errors, 0 warnings; 1 of 1 tenant can be served\n", "")
    assert done.returncode == 0


def test_nothing_to_complain_about_is_said_so(place: Place, run: Run):
    place.tenant()
    result = run("check")
    assert result.output == "0 errors, 0 warnings; 1 of 1 tenant can be served\n"
    assert result.exit_code == 0


def test_no_tenants_is_fine(run: Run):
    result = run("check")
    assert result.output == "0 errors, 0 warnings; 0 of 0 tenants can be served\n"
    assert result.exit_code == 0


def test_mistakes_of_all_files_are_printed(place: Place, run: Run):
    place.toml.write_text("worker = 3\nconf_d = 'conf.d'\n")
    place.tenant("acme", ('"sso"', '"sos"'))
    place.file("beta", "name = x\n")
    lines = run("check").output.splitlines()
    assert [line.removeprefix(f"{place.root}/").split(": ")[0] for line in lines[:3]] == [
        "cgappliance.toml:1",
        "conf.d/acme.toml:2",
        "conf.d/beta.toml:1",
    ]
    assert lines[3] == "3 errors, 0 warnings; 0 of 2 tenants can be served"


@pytest.mark.parametrize(
    ("appliance", "edition", "status"),
    [("", "sso", 0), ("", "sos", 1), ("worker = 3\n", "sso", 2), ("worker = 3\n", "sos", 2)],
)
def test_exit_status_tells_whose_mistake_it_is(place: Place, run: Run, appliance: str, edition: str, status: int):
    place.toml.write_text(appliance)
    place.tenant("acme", ("sso", edition))
    assert run("check").exit_code == status


def test_missing_appliance_file_is_status_2(place: Place, run: Run):
    place.toml.unlink()
    result = run("check")
    assert "cannot be read" in result.output
    assert result.output.endswith("1 error, 0 warnings; the tenant files were not found\n")
    assert result.exit_code == 2


def test_warning_alone_is_status_0(place: Place, run: Run):
    place.tenant("acme", age=9)
    place.tenant("beta")
    result = run("check")
    assert "warning: domains[0]: domain acme.example is also claimed by beta" in result.output
    assert result.exit_code == 1
    (place.conf_d / "beta.toml").unlink()
    assert run("check").exit_code == 0


def test_json_has_all_parts_of_each_problem(place: Place, run: Run):
    place.tenant("acme", ('"sso"', '"sos"'))
    place.tenant("beta", ("acme.example", "beta.example"), ("10993", "20993"))
    result = run("check", "--json")
    assert json.loads(result.output) == {
        "ok": False,
        "tenants": ["beta"],
        "broken": ["acme"],
        "problems": [
            {
                "file": str(place.conf_d / "acme.toml"),
                "line": 2,
                "key": "edition",
                "problem": "'sos' is not a choice",
                "remedy": "did you mean 'sso'? choices: sso, light",
                "severity": "error",
            }
        ],
    }
    assert result.exit_code == 1


def test_json_of_an_appliance_that_cannot_start(place: Place, run: Run):
    place.toml.write_text("[broken")
    result = run("check", "--json")
    assert json.loads(result.output)["tenants"] == []
    assert result.exit_code == 2


def test_broken_plugin_is_status_2(run: Run, monkeypatch: pytest.MonkeyPatch):
    def fail() -> None:
        raise PluginError("plugins: x cannot be imported (repair it)")

    monkeypatch.setattr("cgappliance.cli.check.discover", fail)
    result = run("check")
    assert (result.output, result.exit_code) == ("plugins: x cannot be imported (repair it)\n", 2)
