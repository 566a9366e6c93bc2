"""Takes the pictures of the manuals: ``python -m cgappliance.testing.demo_pictures``; ``script/screenshots`` calls it.

Debian's Chromium looks at the demo's site. The pictures are the same at every run: the demo's history ends at ``SHOWN_AT``, and
what the pages say of later moments is moved there in the browser. A picture is only replaced when more than a few dots have
changed, so a run without changes to the pages leaves the repository as it was.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, cast

import click
from PIL import Image, ImageChops
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from cgappliance.testing import demo_people as company
from cgappliance.testing.demo_pages import PICTURES, Picture, Step, Who
from cgappliance.testing.demo_site import PORTS, ZONE, DemoSite
from cgappliance.testing.demo_steps import say

ROOT: Final = Path(__file__).parents[2]
IMAGES: Final = ROOT / "docs/manual/images"
LANGUAGES: Final = ("ja", "en")
CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--font-render-hinting=none")

HOSTNAME: Final = "acme.cloudgate.example"
SHOWN_AT: Final = datetime(2026, 11, 24, 10, 30, tzinfo=ZONE)  #: a Tuesday morning in Tokyo
WIDTH: Final = 1120  #: dots: what a manual's column can show without making the text too small
HEIGHT_MAX: Final = 1500  #: dots; what is below adds nothing to a picture
HEIGHT_MIN: Final = 540  #: dots: the menu is as high
MARGIN: Final = 24  #: dots below the last thing on a page
COLOURS: Final = 96  #: flat areas and smooth letters need no more
FEW_DOTS: Final = 400  #: so many may differ from the picture that is there: some digits of a duration
TIMEOUT_MS: Final = 15_000
WORK_MS: Final = 90_000  #: for what the site does beside a page: it asks Google, and the internet, which may not answer

#: Moves every moment that the page tells: those of the demo's history by ``moved``; later ones, which this run has made, by
#: ``since``, to the quarter of an hour. And writes the same ports and identities each time, where others had to be taken.
MOVE_CLOCK: Final = """
([moved, since, real_end, ports]) => {
  document.activeElement.blur();
  const two = (number) => String(number).padStart(2, "0");
  const place = (time) => time < real_end ? time + moved : Math.floor((time + since + 59000) / 900000) * 900000;
  const whole = /(\\d{4})-(\\d\\d)-(\\d\\d) (\\d\\d):(\\d\\d)(:\\d\\d)?/g;
  const write = (time, seconds) => {
    const day = new Date(time).toISOString();
    return day.slice(0, 10) + " " + day.slice(11, seconds ? 19 : 16);
  };
  for (const day of document.querySelectorAll(".whole:has(+ .whole)")) {  // day and time apart
    const time = day.nextElementSibling;
    const read = (day.textContent + " " + time.textContent).match(/^(\\d{4})-(\\d\\d)-(\\d\\d) (\\d\\d):(\\d\\d)(:\\d\\d)?$/);
    if (read) {
      const [, year, month, date, hour, minute, second] = read;
      const moved_to = write(place(Date.UTC(year, month - 1, date, hour, minute, second ? second.slice(1) : 0)), second);
      [day.textContent, time.textContent] = moved_to.split(" ");
    }
  }
  for (const field of document.querySelectorAll("[name=since], [name=until]")) {
    field.value = field.value.replace(whole, (all, year, month, day, hour, minute) =>
      write(Date.UTC(year, month - 1, day, hour, minute) + moved));
  }
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    node.data = node.data.replace(whole, (all, year, month, day, hour, minute, second) =>
      write(place(Date.UTC(year, month - 1, day, hour, minute, second ? second.slice(1) : 0)), second));
    node.data = (ports[node.data.trim()] ?? node.data).replace(":" + ports.web + "/", "/");
    node.data = node.data.replace(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "8f3a6c1e-52d4-4b7a-9e06-d1c25f7b4a90");
    node.data = node.data.replace(/\\b1\\d{20}\\b/g, "104857600000000000001");  // a service account
    if (node.parentNode.closest(".parts") || (node.parentNode.matches("td") && !node.parentNode.children.length)) {
      // for how long something has lasted
      node.data = node.data.replace(/(?:\\d+ (?:min|分) )?\\d+(?:\\.\\d)? (s|秒)/, "9.0 $1");
    }
    if (node.parentNode.matches("svg .scale")) {
      node.data = node.data.replace(/^(\\d\\d):(\\d\\d)$/, (all, hour, minute) => {
        const late = (Number(hour) * 60 + Number(minute) + moved / 60000) % 1440;
        const time = (late + 1440) % 1440;
        return two(Math.floor(time / 60)) + ":" + two(time % 60);
      });
    }
  }
}
"""


class Photographer:
    """Looks at one site with one browser."""

    def __init__(self, site: DemoSite, browser: Browser, folder: Path) -> None:
        """Put the pictures into ``folder``."""
        self._site = site
        self._browser = browser
        self._folder = folder

    def take(self, language: str, pictures: Sequence[Picture]) -> Iterator[str]:
        """Take all pictures in a language, and yield the names of those that are new or have changed."""
        for who in Who:
            with self._somebody(language, who) as context:
                for picture in pictures:
                    if picture.who is who and self._take(context, picture, self._folder / language / f"{picture.name}.png"):
                        yield f"{language}/{picture.name}"

    @contextmanager
    def _somebody(self, language: str, who: Who) -> Iterator[BrowserContext]:
        """Lend a browser in which somebody is logged in."""
        size: ViewportSize = {"width": WIDTH, "height": 800}
        context = self._browser.new_context(
            locale=language, viewport=size, ignore_https_errors=True, reduced_motion="reduce", timezone_id="Asia/Tokyo"
        )
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        if who is Who.ADMINISTRATOR:
            self._log_in(page, self._site.admin_url, "name", company.ADMINISTRATOR, company.ADMINISTRATOR_PASSWORD)
        elif who is not Who.NOBODY:
            person = company.USER if who is Who.USER else company.OTHER_USER
            self._log_in(page, f"{self._pages_of(who)}/login", "address", person.address, person.password)
        page.close()
        yield context
        context.close()

    def _pages_of(self, who: Who) -> str:
        return self._site.url_of(company.OTHER_TENANT if who is Who.OTHER_USER else company.TENANT)

    def _of_this_run(self, path: str) -> str:
        """Return a path with the run's own moments for those that the picture shows: as the history has them."""
        return re.sub(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d",
            lambda shown: f"{datetime.fromisoformat(shown[0]) - self._site.moved_by:%Y-%m-%d+%H:%M}",
            path,
        )

    def _log_in(self, page: Page, url: str, field: str, name: str, password: str) -> None:
        page.goto(url)
        page.fill(f"[name={field}]", name)
        page.fill("[name=password]", password)
        with page.expect_navigation():
            page.click("button.primary")

    def _take(self, context: BrowserContext, picture: Picture, path: Path) -> bool:
        page = context.new_page()
        page.set_viewport_size({"width": picture.width or WIDTH, "height": 800})
        answer = page.goto(f"{self._pages_of(picture.who)}/{self._of_this_run(picture.path)}")
        if answer is None or not answer.ok:
            raise click.ClickException(f"{picture.name}: {picture.path} answered {answer.status if answer else 'nothing'}")
        for step in picture.steps:
            _do(page, step)
        real_end = (self._site.shown_at - self._site.moved_by).astimezone(ZONE)
        ports = {str(getattr(self._site.world.ports, name)): str(port) for name, port in PORTS.items()}
        ports["web"] = str(self._site.world.web_port)
        clock = [_ms(self._site.moved_by), _ms(SHOWN_AT - self._site.began), _ms(real_end - _wall_epoch())]
        page.evaluate(MOVE_CLOCK, [*clock, ports])
        taken = Image.open(io.BytesIO(_shoot(page, picture))).convert("RGB")
        page.close()
        return _keep(taken, path)


def _do(page: Page, step: Step) -> None:
    if step.what == "fill":
        page.fill(step.where, step.value)
    elif step.what == "choose":
        page.select_option(step.where, step.value)
    elif step.what == "tick":
        page.check(step.where)
    elif step.what == "upload":
        page.set_input_files(step.where, {"name": "accounts.csv", "mimeType": "text/csv", "buffer": step.value.encode()})
    elif step.what == "wait":
        page.wait_for_selector(step.where, state="attached", timeout=WORK_MS)  # the page looks again by itself
    elif step.what == "press":
        with page.expect_navigation():
            page.click(step.where)
    else:
        raise ValueError(f"{step.what}: nobody knows how to do that")


def _shoot(page: Page, picture: Picture) -> bytes:
    if picture.show:
        return page.locator(picture.show).first.screenshot(animations="disabled")
    height = page.evaluate("Math.ceil(document.querySelector('main').lastElementChild.getBoundingClientRect().bottom)") + MARGIN
    # the window becomes as high as the picture: what sticks to its lower edge belongs there
    page.set_viewport_size({"width": picture.width or WIDTH, "height": picture.height or min(HEIGHT_MAX, max(height, HEIGHT_MIN))})
    return page.screenshot(animations="disabled")


def _keep(taken: Image.Image, path: Path) -> bool:
    """Write a picture unless the one that is there shows the same; return whether it was written."""
    small = taken.quantize(palette=_palette(taken), dither=Image.Dither.NONE)
    if path.exists():
        with Image.open(path) as there:
            if there.size == small.size and _dots_that_differ(there.convert("RGB"), small.convert("RGB")) <= FEW_DOTS:
                return False
    path.parent.mkdir(parents=True, exist_ok=True)
    small.save(path, optimize=True)
    return True


def _palette(taken: Image.Image) -> Image.Image:
    """Return a palette: the most frequent colours as they are (areas, letters), the others as near as may be (thin bars)."""
    counted = taken.getcolors(taken.width * taken.height) or []
    frequent = [colour for _, colour in sorted(counted, key=lambda pair: -pair[0])[: COLOURS // 2]]
    spread = taken.quantize(COLOURS - len(frequent), Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([part for colour in frequent for part in cast(tuple[int, ...], colour)] + spread)
    return palette


def _dots_that_differ(one: Image.Image, other: Image.Image) -> int:
    """Count the dots whose brightness differs visibly."""
    difference = ImageChops.difference(one, other).convert("L").point(lambda value: 255 if value > 24 else 0)
    return difference.histogram()[255]


def _ms(span: timedelta) -> float:
    return span / timedelta(milliseconds=1)


def _wall_epoch() -> datetime:
    """Return the beginning of time as the pages' clock shows it: the browser counts what it reads as if it were UTC."""
    return datetime(1970, 1, 1, tzinfo=ZONE)


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=IMAGES, help="Folder of the pictures.")
@click.option("--language", type=click.Choice(LANGUAGES), multiple=True, default=LANGUAGES, help="Only this one.")
@click.argument("names", nargs=-1)
def main(*, out: Path, language: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Take the manuals' pictures, or only those of NAMES."""
    wanted = [picture for picture in PICTURES if not names or picture.name in names]
    unknown = set(names) - {picture.name for picture in PICTURES}
    if unknown:
        raise click.UsageError(f"no such picture: {', '.join(sorted(unknown))} (see cgappliance/testing/demo_pages.py)")
    with (
        tempfile.TemporaryDirectory(prefix="cgappliance-pictures-") as scratch,
        DemoSite(Path(scratch), hostname=HOSTNAME, shown_at=SHOWN_AT) as site,
        sync_playwright() as playwright,
    ):
        site.connect(company.USER, source="127.0.0.21")
        site.connect(company.PEOPLE[1], source="127.0.0.34")
        site.connect(company.PEOPLE[3], source="127.0.0.58")
        site.wait_until_known()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        changed = [name for one in language for name in Photographer(site, browser, out).take(one, wanted)]
        browser.close()
    say("\n".join(changed) or "no picture has changed")
    sys.exit(0)


if __name__ == "__main__":
    main()
