"""Each page of the site has a picture in the manuals, in both languages; ``script/screenshots`` takes them."""

from __future__ import annotations

from flask import Flask

from cgappliance.testing.demo_pages import NO_PAGES, PICTURES
from cgappliance.web.app import BLUEPRINTS
from tests.documents import DOCS

IMAGES = DOCS / "manual/images"
ALL_KB, ONE_KB = 3 * 1024, 80  # a clone should not become heavy by them


def endpoints(*methods: str) -> set[str]:
    app = Flask("pages")
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return {rule.endpoint for rule in app.url_map.iter_rules() if rule.methods and rule.methods & set(methods)}


def test_every_page_has_a_picture() -> None:
    pages = endpoints("GET") - NO_PAGES.keys()
    assert pages - {picture.endpoint for picture in PICTURES} == set(), "add them to cgappliance/testing/demo_pages.py"


def test_every_picture_is_of_a_page_that_there_is() -> None:
    assert {picture.endpoint for picture in PICTURES} | NO_PAGES.keys() <= endpoints("GET", "POST")


def test_pictures_have_names_of_their_own() -> None:
    assert len({picture.name for picture in PICTURES}) == len(PICTURES)


def test_all_pictures_are_there_in_both_languages() -> None:
    there = {path.relative_to(IMAGES).as_posix() for path in IMAGES.rglob("*.png")}
    assert there == {f"{language}/{picture.name}.png" for language in ("ja", "en") for picture in PICTURES}


def test_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size / 1024 for path in IMAGES.rglob("*.png")}
    assert {name: size for name, size in sizes.items() if size > ONE_KB} == {}
    assert sum(sizes.values()) < ALL_KB
