from __future__ import annotations

from cgappliance.admin.bypass.by_hand import by_hand
from cgappliance.admin.bypass.findings import State


def test_each_says_that_it_cannot_be_seen_and_how_to_check_it() -> None:
    found = list(by_hand("1234", "api@acme.example"))
    assert {one.state for one in found} == {State.UNSEEN}
    assert all(one.remedy for one in found)
    assert any("list 1234 alone" in one.remedy for one in found)


def test_tenant_without_an_administrator_at_google_has_none_to_look_after() -> None:
    assert not any("keeps a password" in one.sentence for one in by_hand("", ""))
