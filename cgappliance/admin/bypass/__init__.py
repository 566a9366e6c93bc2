"""The bypass report: is every way round the appliance closed?

The appliance decides only over those who come to it. A mail program that Google lets in by itself, a Google password that somebody
knows, a client that sets itself up with Google's servers: each of them is past every profile. ``report.py`` puts together what the
other files look at; what no API shows is said too, with how to check it by hand.
"""

from __future__ import annotations

from cgappliance.admin.bypass.findings import Finding, State, Way
from cgappliance.admin.bypass.report import ACCOUNTS_MAX, Budget, Means, Report, examine

__all__ = ["ACCOUNTS_MAX", "Budget", "Finding", "Means", "Report", "State", "Way", "examine"]
