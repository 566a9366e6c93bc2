import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.config.kit import Place


def test_notice_is_in_the_tenants_language_unless_told_otherwise(office: Run):
    assert "ご利用開始のお知らせ" in office("tenant", "notice", "acme").output
    english = office("tenant", "notice", "acme", "--language", "en")
    assert english.output.startswith("Your mail access service is ready\n")
    assert "  Port for IMAPS  10993\n" in english.output
    assert english.exit_code == 0


def test_notice_as_a_page_goes_to_a_new_file(office: Run, tmp_path: Path):
    words = ("tenant", "notice", "acme", "--format", "html", "--output", str(tmp_path / "notice.html"))
    assert office(*words).exit_code == 0
    assert (tmp_path / "notice.html").read_text().startswith('<!DOCTYPE html>\n<html lang="ja">')
    assert "choose another name" in office(*words).output


@pytest.mark.parametrize(
    ("web", "words", "site"),
    [
        ("", (), None),
        ("[web]\n", (), "https://acme.cloudgate.example:8443"),
        ("[web]\nport = 443\n", (), "https://acme.cloudgate.example"),
        ("[web]\ntls = false\n", (), "https://acme.cloudgate.example"),
        ("[web]\n", ("--site", "https://mail.acme.example"), "https://mail.acme.example"),
        ("[web]\n", ("--site", ""), None),
    ],
)
def test_pages_are_where_the_settings_say(office: Run, place: Place, web: str, words: tuple[str, ...], site: str | None):
    place.toml.write_text(place.toml.read_text() + web)
    data = json.loads(office("tenant", "notice", "acme", "--json", *words).output)
    assert data["urls"] == ({} if site is None else data["urls"])
    assert data["urls"].get("password") == (site and f"{site}/acme/password")
    assert data["ports"] == {"IMAPS": 10993}


def test_unknown_tenant_is_status_1(office: Run):
    assert office("tenant", "notice", "acne").exit_code == 1
