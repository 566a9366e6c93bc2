"""What the service account may do, and how old its key is: whoever has the key file can do all of it, from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from cgappliance.admin.bypass.findings import Finding, State, Way, about
from cgappliance.administration import GoogleAdministration, GoogleFault, GoogleRefused

ROTATE_AFTER: Final = timedelta(days=90)  #: the age of a key at which Google's own advice is a new one
TOO_OLD: Final = timedelta(days=365)  #: by then somebody who had the file has left

_WHERE: Final = "Google's Admin console: Security > Access and data control > API controls > Manage domain-wide delegation"
_NEW_KEY: Final = (
    "make a new JSON key in the Google Cloud console, put it into service_account_file, reload, and delete the old key there"
)


def look_at_delegation(google: GoogleAdministration) -> Iterator[Finding]:
    """Yield whether the delegation grants exactly what is needed. Blocks cooperatively.

    Raises:
        GoogleRefused: Google could not be asked.
    """
    setup = google.setup
    failed = [check for check in google.check_scopes() if check.fault is not None]
    if failed:
        fault = failed[0].fault or GoogleFault.UNREACHABLE
        lines = [f"{check.scope} ({check.needed_for})" for check in failed]
        yield about(
            Way.DELEGATION, State.WATCH, f"scopes that the appliance needs and does not get: {len(failed)}", fault.remedy, lines
        )
    surplus = google.surplus_scopes()
    if surplus:
        sentence = f"scopes that the delegation grants and the appliance does not need: {len(surplus)}"
        remedy = f"take them from client id {setup.client_id} in {_WHERE}"
        yield about(Way.DELEGATION, State.OPEN, sentence, remedy, surplus)
    elif not failed:
        sentence = "the delegation grants the scopes that are needed, and none of the powerful others"
        yield Finding(Way.DELEGATION, State.CLOSED, sentence)


def look_at_key(google: GoogleAdministration, now: datetime) -> Finding:
    """Return how it is with the key's age. Blocks cooperatively."""
    try:
        made_at = google.key_made_at()
    except GoogleRefused as refused:
        return _unseen(f"{refused.fault.sentence}: {refused.detail}" if refused.detail else refused.fault.sentence)
    if made_at is None:
        return _unseen("Google's record has no such key")
    days = max(0, (now - made_at).days)
    if now - made_at >= TOO_OLD:
        return Finding(Way.KEY, State.OPEN, f"the service account's key is {days} days old", _NEW_KEY)
    if now - made_at >= ROTATE_AFTER:
        return Finding(Way.KEY, State.WATCH, f"the service account's key is {days} days old", _NEW_KEY)
    return Finding(Way.KEY, State.CLOSED, f"the service account's key is {days} days old")


def _unseen(why: str) -> Finding:
    remedy = "look in the Google Cloud console: IAM & Admin > Service accounts > the account > Keys"
    return Finding(Way.KEY, State.UNSEEN, f"the age of the service account's key cannot be seen from here: {why}", remedy)
