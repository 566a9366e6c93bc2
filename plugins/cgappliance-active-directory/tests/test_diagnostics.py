from __future__ import annotations

import pytest
from cgappliance_active_directory.diagnostics import OUTAGES, REASONS, reason_of, sub_code

from cgappliance.plugin_api import Reason


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52e, v2580\x00", "52e"),
        ("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 775, v1db1", "775"),
        ("80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data 52E, v4563", "52e"),
        ("8009030C: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data 0, v3839", "0"),
        ("Invalid credentials", ""),
        ("metadata 52e", ""),
        ("", ""),
    ],
)
def test_sub_code_stands_behind_the_word_data(message: str, code: str) -> None:
    assert sub_code(message) == code


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("525", Reason.UNKNOWN_ADDRESS),
        ("52e", Reason.WRONG_PASSWORD),
        ("530", Reason.LOGON_HOURS),
        ("531", Reason.WORKSTATION),
        ("532", Reason.PASSWORD_EXPIRED),
        ("533", Reason.DISABLED),
        ("701", Reason.ACCOUNT_EXPIRED),
        ("773", Reason.PASSWORD_MUST_CHANGE),
        ("775", Reason.LOCKED),
    ],
)
def test_each_sub_code_has_its_reason(code: str, reason: Reason) -> None:
    assert reason_of(code) is reason


@pytest.mark.parametrize("code", ["", "57", "568", "ffff"])
def test_unknown_sub_code_is_a_refusal(code: str) -> None:
    assert reason_of(code) is Reason.WRONG_PASSWORD


def test_no_outage_is_taken_for_a_refusal() -> None:
    assert not OUTAGES & REASONS.keys()
