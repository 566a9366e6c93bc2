from datetime import timedelta
from pathlib import Path

import pytest

from cgappliance.config.load import follow, inspect, load, load_tenants
from cgappliance.config.values import Config, Settings
from cgappliance.errors import ConfigurationError
from cgappliance.plugins import Kinds

from .kit import KINDS, Place, told, write_pair, write_private

OTHER = (("acme.example", "beta.example"), ("10993", "20993"))


def settings(place: Place, text: str = "") -> Settings:
    place.toml.write_text(text)
    return load(place.toml, KINDS).settings


def mistakes(place: Place, text: str) -> list[str]:
    place.toml.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(place.toml, KINDS)
    return str(caught.value).replace(f"{place.root}/", "").split("\n")


def test_empty_file_means_all_defaults(place: Place):
    found = settings(place)
    assert found.source == place.toml
    assert found.conf_d == place.conf_d
    assert found.store == "sqlite:////var/lib/cgappliance/cgappliance.db"
    assert found.key_file == Path("/etc/cgappliance/secrets/store.key")
    assert found.run_dir == Path("/run/cgappliance")
    assert (found.workers, found.drain_timeout_s) == (0, 60.0)
    assert (found.limits.login_timeout_s, found.limits.refusal_delay_s) == (180.0, 2.0)
    assert (found.log.level, found.log.format) == ("info", "text")


def test_values_given_are_taken(place: Place):
    (place.root / "tenants").mkdir()
    found = settings(
        place, 'conf_d = "tenants"\nkey_file = "key"\nworkers = 2\n[limits]\nrefusal_delay_s = 0\n[log]\nformat = "json"\n'
    )
    assert found.conf_d == place.root / "tenants"
    assert found.key_file == place.root / "key"
    assert found.workers == 2
    assert found.limits.refusal_delay_s == 0.0
    assert found.log.format == "json"


def test_paths_stay_as_the_operator_named_them(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(place.root)
    place.tenant("acme", ('"sso"', '"sos"'))
    config = load(Path("cgappliance.toml"), KINDS)
    assert str(config.problems[0]).startswith("conf.d/acme.toml:2: edition: ")
    assert config.settings.key_file.is_absolute()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("worker = 2", "cgappliance.toml:1: worker: unknown key 'worker' (did you mean 'workers'?)"),
        ("workers = -1", "cgappliance.toml:1: workers: -1 is out of range (at least 0)"),
        ("drain_timeout_s = 0", "cgappliance.toml:1: drain_timeout_s: must be greater than 0 s, not 0 (every wait has a"),
        ("[limits]\nlogin_timeout = 3", "cgappliance.toml:2: limits.login_timeout: unknown key 'login_timeout' (did you mean"),
        (
            "[limits]\nimap_idle_timeout_s = 60",
            "cgappliance.toml:2: limits.imap_idle_timeout_s: 60.0 is out of range (at least 1800 s)",
        ),
        ('[log]\nlevel = "warn"', "cgappliance.toml:2: log.level: 'warn' is not a choice (did you mean 'warning'?"),
        ("log = 3", "cgappliance.toml:1: log: must be a table, not an integer"),
        ('conf_d = "none"', "cgappliance.toml:1: conf_d: none cannot be listed: No such file or directory (create the folder"),
        ('conf_d = "cgappliance.toml"', "cgappliance.toml:1: conf_d: cgappliance.toml cannot be listed: Not a directory"),
        ("conf_d = 3", "cgappliance.toml:1: conf_d: must be a string, not an integer"),
        ("[wob]\nport = 8443", "cgappliance.toml:1: wob: unknown table 'wob' (did you mean 'web'?"),
        ("workers = two", "cgappliance.toml:1: invalid value at column 11"),
    ],
)
def test_mistake_in_the_appliance_file_is_raised(place: Place, text: str, line: str):
    found = mistakes(place, text)
    assert len(found) == 1
    assert found[0].startswith(line)


def test_all_mistakes_of_the_appliance_file_are_raised_at_once(place: Place):
    assert [line.split(":")[1] for line in mistakes(place, "workers = -1\nstor = 3\n[limits]\nx = 1\n[log]\nlevel = 3\n")] == [
        "1",
        "2",
        "4",
        "6",
    ]


def test_missing_appliance_file_is_raised(place: Place):
    place.toml.unlink()
    with pytest.raises(ConfigurationError, match="cannot be read: No such file or directory"):
        load(place.toml, KINDS)


def test_no_tenants_is_no_mistake(place: Place):
    config = load(place.toml, KINDS)
    assert (config.tenants, config.broken, config.warnings) == ({}, {}, ())


def test_good_tenants_are_loaded_when_others_are_broken(place: Place):
    place.tenant("acme")
    place.tenant("beta", *OTHER, ('"sso"', '"sos"'))
    place.file("gamma", "not toml at all")
    config = load(place.toml, KINDS)
    assert set(config.tenants) == {"acme"}
    assert set(config.broken) == {"beta", "gamma"}
    assert [text.split(":")[:2] for text in told(config.problems)] == [["beta.toml", "2"], ["gamma.toml", "1"]]


def test_loser_of_a_conflict_is_broken_and_the_other_is_warned(place: Place):
    place.tenant("acme", age=10)
    place.tenant("beta")
    config = load(place.toml, KINDS)
    assert set(config.tenants) == {"acme"}
    assert set(config.broken) == {"beta"}
    assert [problem.is_error for problem in config.warnings] == [False, False]
    assert len(config.problems) == 4


def test_warnings_of_good_tenants_are_kept(place: Place):
    place.tenant()
    write_pair(place.root / "tls", expires=timedelta(days=3))
    config = load(place.toml, KINDS)
    assert set(config.tenants) == {"acme"}
    assert "expires in 2 days" in str(config.warnings[0])


@pytest.mark.parametrize("name", [".acme.toml", "acme.toml.bak", "acme.toml~", "acme.txt", "README"])
def test_only_toml_files_are_tenants(place: Place, name: str):
    (place.conf_d / name).write_text("x")
    assert load(place.toml, KINDS).problems == ()


def test_reload_sees_what_changed(place: Place):
    place.tenant("acme")
    before = load(place.toml, KINDS)
    place.tenant("beta", *OTHER)
    write_private(place.root / "secrets/acme-bind", "new")
    after = load_tenants(before.settings, KINDS)
    assert set(after.tenants) == {"acme", "beta"}
    assert after.settings == before.settings
    assert after.tenants["acme"].fingerprint != before.tenants["acme"].fingerprint


def test_reload_leaves_an_unchanged_tenant_equal(place: Place):
    place.tenant("acme")
    before = load(place.toml, KINDS)
    assert load_tenants(before.settings, KINDS).tenants == before.tenants


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as old enough to be known by their stamps."""
    monkeypatch.setattr("cgappliance.config.stamp.SETTLED_AFTER_NS", -(10**18))


@pytest.mark.usefixtures("settled")
def test_reload_takes_unchanged_tenants_from_what_was_read_before(place: Place):
    place.tenant("acme")
    before = load(place.toml, KINDS)
    place.tenant("beta", *OTHER)
    after = load_tenants(before.settings, KINDS, previous=before)
    assert after.tenants["acme"] is before.tenants["acme"]
    assert set(after.tenants) == {"acme", "beta"}


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "name", ["conf.d/acme.toml", "tls/acme.crt", "tls/acme.key", "secrets/acme-bind", "secrets/acme-google.json"]
)
def test_reload_reads_a_tenant_again_when_a_file_of_it_changed(place: Place, name: str):
    place.tenant("acme")
    before = load(place.toml, KINDS)
    path = place.root / name
    path.write_bytes(path.read_bytes() + b"\n#")
    after = load_tenants(before.settings, KINDS, previous=before)
    assert after.tenants.get("acme") is not before.tenants["acme"]


@pytest.mark.usefixtures("settled")
def test_reload_forgets_a_tenant_whose_file_is_gone(place: Place):
    path = place.tenant("acme")
    before = load(place.toml, KINDS)
    path.unlink()
    assert load_tenants(before.settings, KINDS, previous=before).tenants == {}


@pytest.mark.usefixtures("settled")
def test_reload_reads_broken_tenants_again(place: Place):
    place.tenant("acme", ("acme-bind", "missing"))
    before = load(place.toml, KINDS)
    write_private(place.root / "secrets/missing", "pw")
    assert set(load_tenants(before.settings, KINDS, previous=before).tenants) == {"acme"}


@pytest.mark.usefixtures("settled")
def test_reload_sees_a_profile_that_vanished_from_elsewhere(place: Place):
    place.tenant("acme", ("[auth]", '[policy]\ndefault_profile = "office"\n[auth]'))
    settings = load(place.toml, KINDS).settings
    before = load_tenants(settings, KINDS, more_profiles=lambda _: ["office"])
    assert set(before.tenants) == {"acme"}
    assert set(load_tenants(settings, KINDS, previous=before).broken) == {"acme"}


def test_reload_compares_the_content_of_files_that_had_just_changed(place: Place):
    place.tenant("acme")
    before = load(place.toml, KINDS)
    assert load_tenants(before.settings, KINDS, previous=before).tenants["acme"] is before.tenants["acme"]


def followed(place: Place, before: Config, **wanted: str) -> Config:
    """Return what a process that serves ``before`` makes of the word that tenants have these fingerprints now."""
    return follow(before.settings, KINDS, wanted, ["broken"], before.tenants)


def test_follower_reads_only_tenants_with_other_fingerprints(place: Place):
    place.tenant("acme")
    place.tenant("beta", *OTHER)
    before = load(place.toml, KINDS)
    place.tenant("acme", ("ACME Corporation", "ACME Limited"))
    place.tenant("beta", *OTHER, ("ACME Corporation", "Beta Limited"))
    fingerprint = load(place.toml, KINDS).tenants["acme"].fingerprint
    after = followed(place, before, acme=fingerprint, beta=before.tenants["beta"].fingerprint)
    assert (after.tenants["acme"].name, after.tenants["acme"].fingerprint) == ("ACME Limited", fingerprint)
    assert after.tenants["beta"] is before.tenants["beta"]


def test_follower_has_no_tenant_that_is_not_named_and_keeps_what_is_broken(place: Place):
    place.tenant("acme")
    after = followed(place, load(place.toml, KINDS))
    assert (dict(after.tenants), list(after.broken)) == ({}, ["broken"])


def test_follower_takes_a_tenant_that_has_just_become_wrong_for_broken(place: Place):
    place.tenant("acme")
    before = load(place.toml, KINDS)
    (place.conf_d / "acme.toml").write_text("nonsense")
    after = followed(place, before, acme="newer")
    assert dict(after.tenants) == {}
    assert set(after.broken) == {"acme", "broken"}


def test_reload_protects_the_tenants_on_line(place: Place):
    place.tenant("acme", age=5)
    before = load(place.toml, KINDS)
    place.tenant("beta", age=10)
    assert set(load_tenants(before.settings, KINDS).tenants) == {"beta"}
    assert set(load_tenants(before.settings, KINDS, on_line=before.tenants).tenants) == {"acme"}


def test_reload_may_know_of_more_profiles(place: Place):
    place.tenant("acme", ("[auth]", '[policy]\ndefault_profile = "office"\n[auth]'))
    config = load(place.toml, KINDS)
    assert set(config.broken) == {"acme"}
    asked = load_tenants(config.settings, KINDS, more_profiles=lambda tenant: {"acme": ["office"]}[tenant])
    assert asked.tenants["acme"].default_profile == "office"


def test_folder_that_vanished_is_raised_and_not_taken_for_no_tenants(place: Place):
    config = load(place.toml, KINDS)
    place.conf_d.rmdir()
    with pytest.raises(ConfigurationError, match=r"conf_d: .*cannot be listed"):
        load_tenants(config.settings, KINDS)


def test_inspection_tells_the_tenants_mistakes_beside_those_of_the_appliance(place: Place):
    place.toml.write_text("workers = -1\nconf_d = 'conf.d'\n")
    place.tenant("acme", ('"sso"', '"sos"'))
    found = inspect(place.toml, KINDS)
    assert [text.split(":")[:2] for text in told(found.problems)] == [["cgappliance.toml", "1"], ["acme.toml", "2"]]


@pytest.mark.parametrize("text", ["conf_d = 3", "[x", "conf_d = 'none'"])
def test_inspection_does_not_guess_where_the_tenants_are(place: Place, text: str):
    place.toml.write_text(text)
    place.tenant("acme", ('"sso"', '"sos"'))
    found = inspect(place.toml, KINDS)
    assert found.config is None
    assert len(found.problems) == 1


def test_no_plugins_is_every_tenants_mistake(place: Place):
    place.tenant("acme")
    assert [text.split(": ")[1] for text in told(load(place.toml, Kinds()).broken["acme"])] == ["auth.backend", "google.provider"]


def test_config_cannot_be_changed(place: Place):
    config = load(place.toml, KINDS)
    with pytest.raises(TypeError):
        config.tenants["x"] = None  # type: ignore[index]


def test_follower_does_not_take_a_change_that_nobody_has_compared_with_the_other_tenants(place: Place):
    place.tenant("acme")
    place.tenant("beta", *OTHER)
    before = load(place.toml, KINDS)
    place.tenant("beta", *OTHER, ("ACME Corporation", "Beta Limited"))
    found = load(place.toml, KINDS).tenants["beta"].fingerprint
    place.tenant("beta")  # now it claims all that is acme's
    after = followed(place, before, acme=before.tenants["acme"].fingerprint, beta=found)
    assert (list(after.tenants), set(after.broken)) == (["acme"], {"beta", "broken"})


@pytest.mark.parametrize("table", ["web", "metrics"])
def test_a_tenants_port_that_is_the_appliances_own_breaks_that_tenant_alone(place: Place, table: str):
    with place.toml.open("a") as settings:
        settings.write(f"[{table}]\nport = 10993\n")
    place.tenant("acme")
    place.tenant("beta", ("acme.example", "beta.example"), ("10993", "20993"))
    found = inspect(place.toml, KINDS).config
    assert found is not None
    assert (list(found.tenants), list(found.broken)) == (["beta"], ["acme"])
    assert f"cgappliance.toml: {table}.port" in str(found.broken["acme"][0])
