import pytest
from cgappliance_google import mail_settings

from cgappliance.plugin_api import MailAccess


def test_both_settings_make_one_answer():
    pop = {"accessWindow": "allMail", "disposition": "archive"}

    assert mail_settings.access_of({"enabled": False}, pop) == MailAccess(imap=False, pop=True, pop_disposition="archive")


@pytest.mark.parametrize(
    ("window", "on"), [("allMail", True), ("fromNowOn", True), ("disabled", False), ("accessWindowUnspecified", False)]
)
def test_pop_is_on_for_all_or_for_new_mail(window: str, on: bool):
    assert mail_settings.pop_is_on({"accessWindow": window}) is on


def test_settings_that_say_nothing_are_off():
    assert mail_settings.access_of({}, {}) == MailAccess(imap=False, pop=False, pop_disposition="")


def test_switching_on_leaves_the_rest_as_it_was():
    imap = {"enabled": False, "expungeBehavior": "trash"}
    pop = {"accessWindow": "disabled", "disposition": "trash"}

    assert mail_settings.imap_switched_on(imap) == {"enabled": True, "expungeBehavior": "trash"}
    assert mail_settings.pop_switched_on(pop) == {"accessWindow": "allMail", "disposition": "trash"}


def test_path_names_user_and_kind():
    assert mail_settings.path_of("yuki@acme.example", "imap") == "/gmail/v1/users/yuki@acme.example/settings/imap"
