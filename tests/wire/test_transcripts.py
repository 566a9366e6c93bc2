"""Plays every transcript of this folder, three ways. A new protocol adds its front and back to the two tables."""

from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name

import pytest

from cgappliance.proto.events import Back, Front
from tests.wire.runner import Feeding, MakeBack, MakeFront, play_back, play_front
from tests.wire.script import parse

HERE = Path(__file__).parent


def imap_front(_options: Mapping[str, str]) -> Front:
    return resolve_name("cgappliance.proto.imap.front:ImapFront")()


def imap_back(_options: Mapping[str, str]) -> Back:
    return resolve_name("cgappliance.proto.imap.back:ImapBack")()


def pop3_front(_options: Mapping[str, str]) -> Front:
    return resolve_name("cgappliance.proto.pop3.front:Pop3Front")()


def pop3_back(_options: Mapping[str, str]) -> Back:
    return resolve_name("cgappliance.proto.pop3.back:Pop3Back")()


def smtp_front(options: Mapping[str, str]) -> Front:
    ehlo = {"ehlo": tuple(options["ehlo"].split("|"))} if "ehlo" in options else {}
    return resolve_name("cgappliance.proto.smtp.front:SmtpFront")("mail.acme.example", **ehlo)


def smtp_back(_options: Mapping[str, str]) -> Back:
    return resolve_name("cgappliance.proto.smtp.back:SmtpBack")("mail.acme.example")


FRONTS: dict[str, MakeFront] = {"imap": imap_front, "pop3": pop3_front, "smtp": smtp_front}
BACKS: dict[str, MakeBack] = {"imap": imap_back, "pop3": pop3_back, "smtp": smtp_back}


def transcripts(*kinds: str) -> list[Path]:
    return sorted(path for kind in kinds for path in HERE.glob(f"*/{kind}/*.txt"))


def name(value: object) -> str:
    return str(value.relative_to(HERE)) if isinstance(value, Path) else value.value


@pytest.mark.parametrize("feeding", Feeding, ids=name)
@pytest.mark.parametrize("path", transcripts("ok", "bad"), ids=name)
def test_front_answers_as_the_transcript_says(path: Path, feeding: Feeding) -> None:
    if feeding is Feeding.JOINED and not parse(path).joinable:
        return
    play_front(path, FRONTS[path.parent.parent.name], feeding)


@pytest.mark.parametrize("feeding", Feeding, ids=name)
@pytest.mark.parametrize("path", transcripts("back"), ids=name)
def test_back_does_as_the_transcript_says(path: Path, feeding: Feeding) -> None:
    if feeding is Feeding.JOINED and not parse(path).joinable:
        return
    play_back(path, BACKS[path.parent.parent.name], feeding)
