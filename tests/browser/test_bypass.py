"""The report on ways round, from the button to the finding, against Google's real look-alike; axe on the filled page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import pytest

from cgappliance.testing.lab.world import YUKI, World

from .conftest import Open, keep_picture
from .test_accessibility import SIZES, mistakes, sticks_out

THUNDERBIRD: Final = {"client_id": "7.apps", "name": "Thunderbird", "scopes": ["https://mail.google.com/"]}
LOOKED_MS: Final = 120_000  #: names of the example domain that no name server answers for take their time
WORDS: Final = {"en": ("Look now", "A way round is open."), "ja": ("点検する", "アプライアンスを通らない経路が開いています。")}


@pytest.fixture
def open_way(world: World) -> Iterator[None]:
    """Yuki has let Thunderbird in at Google, and the service account's key is old."""
    key = json.loads(world.gmail.service_account_file.read_text())["client_email"]
    world.gmail.control.change_account(YUKI.address, grants=[THUNDERBIRD])
    world.gmail.control.change_service_account(key, made_at=1_700_000_000)
    yield
    world.gmail.control.change_account(YUKI.address, grants=[])


@pytest.mark.usefixtures("open_way")
@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_open_way_is_found_and_the_page_is_accessible(open_site: Open, language: str) -> None:
    page = open_site("bypass", language=language)
    button, verdict = WORDS[language]
    if page.is_visible(f"button:has-text('{button}')"):
        page.click(f"button:has-text('{button}')")
    page.wait_for_selector(f"text={verdict}", timeout=LOOKED_MS)
    assert f"{YUKI.address}: Thunderbird" in page.inner_text("main")
    for size, width in SIZES.items():
        page.set_viewport_size({"width": width, "height": 900})
        keep_picture(page, f"{language}-{size}-bypass-found")
        assert (mistakes(page), sticks_out(page)) == ([], False)
