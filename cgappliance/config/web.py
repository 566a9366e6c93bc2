"""What the keys of ``[web]`` mean together: TLS or a reverse proxy on this machine, and a certificate that browsers take."""

from __future__ import annotations

import ipaddress
from datetime import datetime

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
    if (web.certificate is None) != (web.private_key is None):
        missing, given = ("private_key", "certificate") if web.private_key is None else ("certificate", "private_key")
        if not reader.faulty(("web", missing)):
            reader.note(("web", given), f"stands without {missing}", f"add {missing}, or leave both out")
    elif web.certificate is not None and web.private_key is not None:
        for found in check_pair(web.certificate, web.private_key, "", now).findings:
            # only a warning: a site with a bad certificate is no reason for mail not to start
            reader.note(("web", found.key), found.problem, found.remedy, Severity.WARNING)


def _check_plain(reader: Reader, web: WebSettings) -> None:
    for number, address in enumerate(web.addresses):
        if not ipaddress.ip_address(address).is_loopback:
            reader.note(
                ("web", "addresses", number), f"{address} would send passwords in the clear", "use 127.0.0.1 or ::1, or tls = true"
            )
    if web.certificate is not None or web.private_key is not None:
        reader.note(("web", "tls"), "is false, and there is a certificate", "remove certificate and private_key, or set tls = true")
