"""Plays every transcript of this folder, three ways. A new protocol adds its front and back to the two tables."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from cgappliance.proto.imap.back import ImapBack
from cgappliance.proto.imap.front import ImapFront
from cgappliance.proto.pop3.back import Pop3Back
from cgappliance.proto.pop3.front import Pop3Front
from cgappliance.proto.smtp.back import SmtpBack
from cgappliance.proto.smtp.front import SmtpFront
from tests.wire.runner import Feeding, MakeBack, MakeFront, play_back, play_front
from tests.wire.script import parse

HERE = Path(__file__).parent
HOSTNAME = "mail.acme.example"


def smtp_front(options: Mapping[str, str]) -> SmtpFront:
    if "ehlo" in options:
        return SmtpFront(HOSTNAME, options["ehlo"].split("|"))
    return SmtpFront(HOSTNAME)


FRONTS: Mapping[str, MakeFront] = {
    "imap": lambda _options: ImapFront(),
    "pop3": lambda _options: Pop3Front(),
    "smtp": smtp_front,
}
BACKS: Mapping[str, MakeBack] = {
    "imap": lambda _options: ImapBack(),
    "pop3": lambda _options: Pop3Back(),
    "smtp": lambda _options: SmtpBack(HOSTNAME),
}


def transcripts(*kinds: str) -> list[Path]:
    return sorted(path for kind in kinds for path in HERE.glob(f"*/{kind}/*.txt"))


def plays(*kinds: str) -> list[object]:
    return [
        pytest.param(path, feeding, id=f"{path.relative_to(HERE)}: {feeding.value}")
        for path in transcripts(*kinds)
        for feeding in Feeding
        if feeding is not Feeding.JOINED or parse(path).joinable
    ]


@pytest.mark.parametrize(("path", "feeding"), plays("ok", "bad"))
def test_front_answers_as_the_transcript_says(path: Path, feeding: Feeding) -> None:
    play_front(path, FRONTS[path.parent.parent.name], feeding)


@pytest.mark.parametrize(("path", "feeding"), plays("back"))
def test_back_does_as_the_transcript_says(path: Path, feeding: Feeding) -> None:
    play_back(path, BACKS[path.parent.parent.name], feeding)


@pytest.mark.parametrize("protocol", FRONTS)
@pytest.mark.parametrize("kind", ["ok", "bad", "back"])
def test_every_protocol_has_transcripts_of_every_kind(protocol: str, kind: str) -> None:
    assert list((HERE / protocol / kind).glob("*.txt"))
