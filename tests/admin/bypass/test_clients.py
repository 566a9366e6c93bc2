from __future__ import annotations

from dataclasses import replace

from sqlalchemy import update

from cgappliance.admin.bypass import Budget, Finding, State, Way
from cgappliance.admin.bypass.findings import LINES_MAX, about
from cgappliance.administration import AppPassword, ClientGrant, GoogleFault
from cgappliance.model import PluginChoice
from cgappliance.store.changes import change
from cgappliance.store.credentials import Kind
from cgappliance.store.schema import credentials
from tests.admin.bypass.conftest import TARO, YUKI, Place

MAIL, DRIVE = "https://mail.google.com/", "https://www.googleapis.com/auth/drive"
API = "https://www.googleapis.com/auth/gmail.readonly"
APP_PASSWORD = AppPassword(7, "old phone", None, None)


def clients(place: Place, state: State) -> list[Finding]:
    return [one for one in place.look().of(Way.CLIENTS) if one.state is state]


def use_app_passwords(place: Place) -> None:
    """Have the appliance log in with an app password of each account."""
    with change(place.desk.store) as transaction:
        transaction.execute(update(credentials).values(kind=Kind.APP_PASSWORD))
    place.tenant = replace(place.tenant, google=PluginChoice("app-password", {}))


def test_program_that_speaks_imap_with_gmail_is_a_way_round(place: Place) -> None:
    place.google.grants[f"id of {YUKI}"] = [ClientGrant("7.apps", "Thunderbird", (MAIL,))]
    (found,) = clients(place, State.OPEN)
    assert found.lines == (f"{YUKI}: Thunderbird",)


def test_program_that_uses_gmails_api_is_to_be_looked_at(place: Place) -> None:
    place.google.grants[f"id of {YUKI}"] = [ClientGrant("7.apps", "", (API,))]
    (found,) = clients(place, State.WATCH)
    assert found.lines == (f"{YUKI}: 7.apps",)


def test_programs_that_do_not_touch_the_mail_and_our_own_are_none(place: Place) -> None:
    own = ClientGrant(place.google.setup.client_id, "cgappliance", (MAIL,))
    place.google.grants[f"id of {YUKI}"] = [ClientGrant("8.apps", "Backup", (DRIVE,)), own]
    assert clients(place, State.OPEN) == clients(place, State.WATCH) == []


def test_app_password_is_a_way_round(place: Place) -> None:
    place.google.apps[f"id of {TARO}"] = [APP_PASSWORD]
    (found,) = clients(place, State.OPEN)
    assert found.lines == (f"{TARO}: old phone",)


def test_the_app_password_that_the_appliance_uses_is_none_but_a_second_one_is(place: Place) -> None:
    use_app_passwords(place)
    place.google.apps[f"id of {TARO}"] = [APP_PASSWORD]
    place.google.apps[f"id of {YUKI}"] = [APP_PASSWORD, AppPassword(8, "", None, None)]
    (found,) = clients(place, State.OPEN)
    assert found.lines == (f"{YUKI}: old phone, 8",)


def test_accounts_beyond_the_number_are_counted(place: Place) -> None:
    place.budget = Budget(accounts=1)
    assert [one.sentence for one in clients(place, State.WATCH)] == [
        "accounts that were not looked at, because there are too many or the time was over: 1"
    ]


def test_accounts_beyond_the_time_are_counted(place: Place) -> None:
    place.budget = Budget(accounts_s=0)
    assert clients(place, State.WATCH)[0].sentence.endswith(": 2")
    assert "grants of" not in " ".join(place.google.asked)


def test_account_that_google_says_nothing_of_does_not_hide_the_others(place: Place) -> None:
    place.google.refuses[f"id of {TARO}"] = GoogleFault.FORBIDDEN
    place.google.apps[f"id of {YUKI}"] = [APP_PASSWORD]
    assert clients(place, State.OPEN)[0].lines == (f"{YUKI}: old phone",)
    assert clients(place, State.WATCH)[0].lines == (f"{TARO}: {GoogleFault.FORBIDDEN.sentence}",)


def test_account_without_a_google_user_is_not_asked_about(place: Place) -> None:
    del place.google.known[TARO]
    place.look()
    assert f"grants of id of {TARO}" not in place.google.asked


def test_long_lists_are_cut_and_counted() -> None:
    found = about(Way.CLIENTS, State.OPEN, "many", "", ["x"] * (LINES_MAX + 3))
    assert (len(found.lines), found.more) == (LINES_MAX, 3)
