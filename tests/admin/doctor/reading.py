"""How tests read findings, and plugins for them to be about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cgappliance.admin.doctor import Finding
from cgappliance.plugin_api import BackendKind, ProviderKind
from cgappliance.plugins import Kinds


def told(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Return state and topic of each."""
    return [(finding.state.value, finding.topic) for finding in findings]


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


def about(findings: Iterable[Finding], topic: str) -> Finding:
    return only(finding for finding in findings if finding.topic == topic)


def kinds(directory: Any = None, google: Any = None, provider: Any = None) -> Kinds:
    """Return the kinds "fake" with this directory, Google customer and provider, each an object or None."""
    return Kinds(
        {"fake": BackendKind("fake", _nothing, directory=None if directory is None else lambda _: directory)},
        {
            "fake": ProviderKind(
                "fake",
                _nothing if provider is None else lambda _: provider,
                administration=None if google is None else lambda _: google,
            )
        },
    )


def _nothing(_context: object) -> Any:
    raise AssertionError("nothing is to be made")
