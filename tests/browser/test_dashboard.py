"""The dashboard of a running appliance whose servers fail: it says so first, and again when they are back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import pytest

from cgappliance.testing.gmail.tokens import ALL_SCOPES
from cgappliance.testing.lab.process import wait_until
from cgappliance.testing.lab.world import World

from .conftest import Open, keep_picture, with_site

NOTICED_S: Final = 40.0  #: a trial each second, a look each five, and the time-outs of what does not answer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that looks after its servers all the time."""
    with World(tmp_path_factory.mktemp("world"), web=True, bare=True, limits={"health_interval_s": 1}) as world:
        with_site(world)
        yield world


def test_a_directory_that_is_down_is_said_first_until_it_is_back(world: World, open_site: Open) -> None:
    page = open_site()
    with world.slapd.stopped():
        wait_until(lambda: bool(page.reload()) and page.is_visible("text=the directory fails: "), "directory down", NOTICED_S)
        keep_picture(page, "en-wide-dashboard-directory-down")
        assert "the directory fails" in page.inner_text("main .notice >> nth=0")
    wait_until(lambda: bool(page.reload()) and not page.is_visible("text=the directory fails: "), "directory back", NOTICED_S)


def test_a_delegation_that_is_gone_is_said(world: World, open_site: Open) -> None:
    key = json.loads(world.gmail.service_account_file.read_text())["client_email"]
    page = open_site(language="ja")
    world.gmail.control.change_service_account(key, granted=[])
    try:
        wanted = "text=Google へのアクセス（委任）に異常があります: "
        wait_until(lambda: bool(page.reload()) and page.is_visible(wanted), "delegation gone", NOTICED_S)
    finally:
        world.gmail.control.change_service_account(key, granted=list(ALL_SCOPES))
