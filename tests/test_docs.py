"""What the documents say is so: every fact of the code is documented, every example is one of this version.

A failure names the fact and the page. Pages that are made from the code when they are built are checked as built.
"""

from __future__ import annotations

import inspect as python
import json
import re
import shutil
import subprocess
import sys
import zlib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest

import cgappliance
from cgappliance import hookspecs, metrics, plugin_api
from cgappliance.admin.profile_rules import parse_rules
from cgappliance.cli import main
from cgappliance.config.schema import Table
from cgappliance.config.schema_appliance import APPLIANCE
from cgappliance.config.schema_tenant import TENANT
from cgappliance.config.setting import SettingType
from cgappliance.model import MailProtocol, Outcome, Reason
from cgappliance.net.health import Part
from cgappliance.net.relay import End
from cgappliance.plugins import discover
from tests import fragments
from tests.documents import DOCS, MARKDOWN, PAGES, ROOT, SHELLS, Block, blocks, commands, named_in_sentences, of_page
from tests.facts import SOURCES, complaint, described, leaves, logged


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents, built without a warning: ``html`` and ``man``."""
    out = tmp_path_factory.mktemp("docs")
    for builder in ("html", "man"):
        argv = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", builder, "-d", str(out / "trees"), str(DOCS), str(out / builder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
    return out


def documented(built: Path, kind: str) -> set[str]:
    """Return the names of one kind that can be linked to, out of the inventory (four lines of text, then compressed ones)."""
    lines = zlib.decompress((built / "html/objects.inv").read_bytes().split(b"\n", 4)[4]).decode().splitlines()
    return {line.split(f" std:{kind} ")[0] for line in lines if f" std:{kind} " in line}


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


# ---- settings


@pytest.mark.parametrize(("file", "tables"), [("appliance", APPLIANCE), ("tenant", TENANT)])
def test_every_setting_is_documented(built: Path, file: str, tables: tuple[Table, ...]) -> None:
    assert documented(built, f"{file}-setting") == {f"{table.name}.{key}".lstrip(".") for table in tables for key in table.names()}


def test_every_setting_of_the_bundled_plugins_is_documented(built: Path) -> None:
    bundled = {path.name for path in ROOT.glob("plugins/*/cgappliance_*")}
    shown = (built / "html/reference/backends.html").read_text() + (built / "html/reference/providers.html").read_text()
    kinds = discover()
    wanted = {
        f"{kind.name}-{setting.key}"
        for kind in (*kinds.backends.values(), *kinds.providers.values())
        if kind.make.__module__.partition(".")[0] in bundled
        for setting in kind.settings
    }
    assert {label for label in wanted if f'id="{label.replace("_", "-")}"' not in shown} == set()


def test_every_type_of_value_is_explained() -> None:
    assert {kind.value for kind in SettingType if f"* - {kind.value}\n" not in page("reference/values.rst")} == set()


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_toml_passes_the_check(block: Block, tmp_path: Path) -> None:
    assert fragments.problems(block, tmp_path) == []


def test_six_mistakes_are_found_as_shown(tmp_path: Path) -> None:
    found = fragments.check(tmp_path, settings="", tenant=page("examples/mistakes/conf.d/acme.toml"))
    shown = page("examples/mistakes/check.txt").splitlines()
    assert [*found, f"{len(found)} errors, 0 warnings; 0 of 1 tenant can be served"] == shown


def test_rules_of_the_example_profile_are_taken() -> None:
    assert [rule.allow for rule in parse_rules(json.loads(page("examples/travel.json")))] == [False, True]


# ---- commands


def test_every_option_is_documented(built: Path) -> None:
    wanted = {
        f"{path.replace(' ', '-')}.{name}"
        for path, command in leaves(click.Context(main, info_name="cgappliance")).items()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
    }
    assert documented(built, "cmdoption") == wanted


def test_every_command_is_in_the_man_page(built: Path) -> None:
    text = (built / "man/cgappliance.8").read_text().replace("\\-", "-")
    assert {path for path in leaves(click.Context(main, info_name="cgappliance")) if f".SS {path}\n" not in text} == set()


@pytest.mark.parametrize("block", blocks(*SHELLS), ids=str)
def test_shell_commands_exist(block: Block) -> None:
    assert [text for words in commands(block) if (text := complaint(words))] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_sentences_name_exist(path: Path) -> None:
    complaints = (complaint(words) for words in named_in_sentences(path))
    assert [text for text in complaints if text and ": Missing " not in text] == []  # a sentence need not give all arguments


@pytest.mark.parametrize(
    "words", [["cgappliance", "chekc"], ["cgappliance", "check", "--jsno"], ["cgappliance", "session", "kick", "x"]]
)
def test_a_command_line_that_is_none_of_ours_is_noticed(words: list[str]) -> None:
    assert complaint(words) is not None


def test_every_exit_status_is_documented(built: Path) -> None:
    used = {number for path in SOURCES for number in re.findall(r"^EXIT_\w+: Final = (\d+)", path.read_text(), re.MULTILINE)}
    shown = (built / "html/reference/exit-statuses.html").read_text()
    assert {number for number in used if f"<p>{number}</p>" not in shown} == set()


# ---- log events, reasons, limits


def test_every_log_event_is_documented() -> None:
    assert set(described()) - {"library"} == set(logged())  # what libraries say comes from outside


def test_log_events_are_documented_with_their_levels_and_fields() -> None:
    page_has = described()
    for name, event in logged().items():
        shown = page_has[name]
        wanted = event.fields | (shown.fields if event.more else set())
        assert (name, shown.levels, shown.fields) == (name, event.levels, wanted)


def test_every_reason_and_outcome_is_documented(built: Path) -> None:
    shown = (built / "html/reference/outcomes.html").read_text()
    assert {reason.value for reason in Reason if f'<span class="pre">{reason.value}</span>' not in shown} == set()
    assert {outcome.value for outcome in Outcome if f'id="{outcome.value}"' not in shown} == set()


def test_pages_name_reasons_that_exist() -> None:
    texts = [page("how-to/refused-login.rst"), page("tutorial/google.rst")]
    rows = [line for text in texts for line in re.findall(r"^   \* - (``[a-z_`, ]+)$", text, re.MULTILINE)]
    assert {word for row in rows for word in re.findall(r"``(\w+)``", row)} - {reason.value for reason in Reason} == set()
    assert len(rows) > 20


def test_every_named_limit_is_documented(built: Path) -> None:
    shown = (built / "html/reference/limits.html").read_text()
    pattern = r"^([A-Z][A-Z_]+)(?:: Final)? = (?:[\d_.]+|\d[\d *]+)  #:"
    wanted = {name for path in SOURCES if "cli" not in path.parts for name in re.findall(pattern, path.read_text(), re.MULTILINE)}
    wanted -= {"EXIT_CONFIGURATION", "EXIT_TEMPORARY"}
    assert {name for name in wanted if f'<span class="pre">{name}</span>' not in shown} == set()


def test_every_metric_is_documented_with_its_labels(built: Path) -> None:
    shown = re.sub(r"<[^>]+>|\s+", " ", (built / "html/reference/metrics.html").read_text())
    words = " ".join(shown.split())
    wanted = {f"{about.name} {' , '.join(about.labels) or 'none'} " for about in metrics.descriptions()}
    assert {line for line in wanted if line not in words} == set()


def test_every_label_of_a_metric_is_explained() -> None:
    explained = set(re.findall(r"^   \* - ``(\w+)``$", page("reference/metrics.rst"), re.MULTILINE))
    assert explained == {label for about in metrics.descriptions() for label in about.labels}
    values = {*End, *Part, *MailProtocol}
    assert [value.value for value in values if f"``{value.value}``" not in page("reference/metrics.rst")] == []


# ---- plugins


def test_every_hook_is_documented_in_call_order() -> None:
    hooks = [name for name, thing in vars(hookspecs).items() if name.startswith("cgappliance_") and python.isfunction(thing)]
    assert re.findall(r"autofunction:: cgappliance\.hookspecs\.(\w+)", page("reference/plugin-api.rst")) == hooks


def test_every_name_of_the_plugin_api_is_documented() -> None:
    named = set(re.findall(r"^\.\. \S+:: cgappliance\.plugin_api\.(\w+)", page("reference/plugin-api.rst"), re.MULTILINE))
    assert named == set(plugin_api.__all__)


def test_toy_plugin_of_the_page_registers_its_kind() -> None:
    (toy,) = of_page("docs/plugins/index.rst", "python")
    names: dict[str, Any] = {}
    exec(compile(toy.text, str(toy), "exec"), names)
    assert [kind.name for kind in names["cgappliance_auth_backends"]()] == ["nobody"]
    assert entry_points(group="cgappliance")


# ---- pages


def test_every_page_says_which_version_it_is_for(built: Path) -> None:
    shown = [built / "html" / path.relative_to(DOCS).with_suffix(".html") for path in PAGES]
    wanted = f"For cgappliance {cgappliance.__version__}."
    assert [path.name for path in shown if wanted not in path.read_text(encoding="utf-8")] == []


def test_lines_of_japanese_paragraphs_are_joined_without_a_space(built: Path) -> None:
    japanese = "[\u3040-\u30ff\u4e00-\u9fff]"
    shown = (built / "html/manual/ja/administrator.html").read_text(encoding="utf-8")
    assert len(re.findall(japanese, shown)) > 1000
    assert re.findall(rf"{japanese}\n{japanese}", shown) == []


def test_changelog_begins_with_this_version() -> None:
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] == cgappliance.__version__


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_resolve(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", [*PAGES, *MARKDOWN], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_pages_name_exist(path: Path) -> None:
    pattern = r"(?<![:\w])``?((?:docs|tests|script|packaging|plugins|conf\.d|cgappliance)/[\w./-]+\w)`"
    assert [name for name in re.findall(pattern, path.read_text(encoding="utf-8")) if not (ROOT / name).exists()] == []


def test_every_standard_that_the_code_follows_is_named() -> None:
    followed = {number for path in SOURCES for number in re.findall(r"\bRFC (\d+)", path.read_text(encoding="utf-8"))}
    assert followed - set(re.findall(r"\bRFC (\d+)", page("reference/specifications.rst"))) == set()


def test_every_room_is_on_the_map() -> None:
    rooms = {path.stem for path in (ROOT / "cgappliance").glob("[a-z]*.py")} | {"__main__"}
    rooms |= {path.name for path in (ROOT / "cgappliance").iterdir() if len(list(path.glob("*.py"))) > 1}
    assert {room for room in rooms if not re.search(rf"\b{room}\b", page("architecture/index.rst"))} == set()


def test_readme_reaches_the_first_login_in_ten_lines() -> None:
    (block,) = of_page("README.md", "sh")
    assert len(block.text.splitlines()) == 10


# ---- man pages and other programs' files


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        (
            "cgappliance.8",
            ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "SIGNALS", "ENVIRONMENT", "FILES", "SEE ALSO"],
        ),
        ("cgappliance.toml.5", ["NAME", "DESCRIPTION", "SETTINGS", "EXAMPLE", "SEE ALSO"]),
        ("cgappliance-tenant.5", ["NAME", "DESCRIPTION", "SETTINGS", "BACKENDS", "PROVIDERS", "EXAMPLE", "SEE ALSO"]),
    ],
)
def test_man_page_has_its_sections(built: Path, name: str, sections: list[str]) -> None:
    found = re.findall(r"^\.SH (.+)$", (built / "man" / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert [section for section in found if section not in ("AUTHOR", "COPYRIGHT", "Author", "Copyright")] == sections


@pytest.mark.skipif(shutil.which("man") is None, reason="man not installed (apt install man-db)")
@pytest.mark.parametrize("name", ["cgappliance.8", "cgappliance.toml.5", "cgappliance-tenant.5"])
def test_man_page_is_shown_without_warnings(built: Path, name: str) -> None:
    argv = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(built / "man" / name)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy not installed (apt install haproxy)")
def test_haproxy_takes_the_configuration_shown() -> None:
    done = subprocess.run(
        ["haproxy", "-c", "-f", DOCS / "examples/haproxy.cfg"], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_shows_the_goals_as_they_were_measured() -> None:
    measured = (ROOT / "benchmarks" / "results.md").read_text()
    shown = (ROOT / "README.md").read_text().partition("## How fast")[2].partition("\n## ")[0]
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(rows) > 2
    assert "\n".join(rows) in measured.partition("## Goals")[2]
