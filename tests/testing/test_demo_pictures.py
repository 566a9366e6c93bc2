"""A picture is replaced when it shows something else, and its few colours are the right ones."""

from pathlib import Path

import pytest
from PIL import Image

from cgappliance.testing.demo_pictures import FEW_DOTS, _keep

SIZE = (200, 100)
GROUND, INK, RARE = (243, 245, 248), (28, 39, 51), (220, 160, 52)


def page(dots: int = 0, size: tuple[int, int] = SIZE) -> Image.Image:
    """A page with a grey ramp of a thousand shades, a thin bar of a rare colour, and some dots of ink."""
    picture = Image.new("RGB", size, GROUND)
    for number in range(min(1000, size[0] * 5)):
        picture.putpixel((number % size[0], number // size[0]), (number // 4, number // 4, 255 - number // 8))
    for y in range(50, 60):
        picture.putpixel((10, y), RARE)
    for number in range(dots):
        picture.putpixel((number % size[0], 70 + number // size[0]), INK)
    return picture


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ja/page.png"
    assert _keep(page(), path)
    return path


@pytest.mark.parametrize("dots", [0, FEW_DOTS])
def test_the_same_page_leaves_its_picture_alone(path: Path, dots: int) -> None:
    before = path.read_bytes()
    assert not _keep(page(dots), path)
    assert path.read_bytes() == before


def test_another_page_replaces_it(path: Path) -> None:
    assert _keep(page(FEW_DOTS + 100), path)


def test_a_page_of_another_size_replaces_it(path: Path) -> None:
    assert _keep(page(size=(200, 101)), path)


def test_areas_keep_their_colour_and_thin_bars_nearly(path: Path) -> None:
    with Image.open(path) as picture:
        shown = picture.convert("RGB")
    assert shown.getpixel((150, 90)) == GROUND
    bar = shown.getpixel((10, 55))
    assert isinstance(bar, tuple)
    assert all(abs(one - other) < 24 for one, other in zip(bar, RARE, strict=True))
