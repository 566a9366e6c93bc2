"""What the keys of ``[web]`` mean together: TLS or a reverse proxy on this machine, and a certificate that browsers take."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from pathlib import Path

from cgappliance.config.certificates import check_pair
from cgappliance.config.problem import Severity
from cgappliance.config.reader import Reader
from cgappliance.config.values import WebSettings


def check_web(reader: Reader, web: WebSettings, now: datetime) -> None:
    """Note what is wrong between keys of ``[web]``. Blocks on the certificate's files."""
    if not web.tls:
        _check_plain(reader, web)
    if web.session_idle_s > web.session_max_s:
        problem = f"{web.session_idle_s:g} s is longer than session_max_s ({web.session_max_s:g} s)"
        reader.note(("web", "session_idle_s"), problem, "an idle session cannot outlive the longest one")
    _check_pair(reader, "", (web.certificate, web.private_key), now)
    _check_pair(reader, "profile_", (web.profile_certificate, web.profile_private_key), now)


def _check_pair(reader: Reader, prefix: str, pair: tuple[Path | None, Path | None], now: datetime) -> None:
    certificate, private_key = pair
    if certificate is not None and private_key is not None:
        for found in check_pair(certificate, private_key, "", now).findings:
            # only a warning: a site with a bad certificate is no reason for mail not to start
            reader.note(("web", f"{prefix}{found.key}"), found.problem, found.remedy, Severity.WARNING)
    elif certificate is not None or private_key is not None:
        names = (f"{prefix}private_key", f"{prefix}certificate")
        missing, given = names if private_key is None else reversed(names)
        if not reader.faulty(("web", missing)):
            reader.note(("web", given), f"stands without {missing}", f"add {missing}, or leave both out")


def _check_plain(reader: Reader, web: WebSettings) -> None:
    for number, address in enumerate(web.addresses):
        if not ipaddress.ip_address(address).is_loopback:
            reader.note(
                ("web", "addresses", number), f"{address} would send passwords in the clear", "use 127.0.0.1 or ::1, or tls = true"
            )
    if web.certificate is not None or web.private_key is not None:
        reader.note(("web", "tls"), "is false, and there is a certificate", "remove certificate and private_key, or set tls = true")
