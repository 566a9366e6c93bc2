"""The Gmail look-alike: IMAPS, POP3S and SMTPS in Google's dialect, its token endpoint and APIs, with a clock that tests can move.

In-process: ``with GmailLookAlike(key_pair) as gmail:``; as a process of its own: ``python -m cgappliance.testing.gmail`` or
``GmailProcess``. It accepts access tokens that its own token endpoint issued, and app passwords, as Gmail does today.
"""

from cgappliance.testing.gmail.server import GmailLookAlike
from cgappliance.testing.gmail.service_account import ServiceAccount
from cgappliance.testing.gmail.state import GmailState
from cgappliance.testing.gmail.switches import Fault, FaultKind, Refusal, Stage

__all__ = ["Fault", "FaultKind", "GmailLookAlike", "GmailState", "Refusal", "ServiceAccount", "Stage"]
