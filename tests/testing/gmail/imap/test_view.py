import pytest

from cgappliance.testing.gmail.imap.parse import BadCommand
from cgappliance.testing.gmail.imap.view import View, flags_text
from cgappliance.testing.gmail.mailbox import Folder, Mailbox


@pytest.fixture
def mailbox() -> Mailbox:
    mailbox = Mailbox()
    for number in range(3):
        mailbox.deliver(b"message %d" % number, 0.0)
    return mailbox


@pytest.fixture
def inbox(mailbox: Mailbox) -> Folder:
    return mailbox.folders["INBOX"]


@pytest.fixture
def view(mailbox: Mailbox, inbox: Folder) -> View:
    return View(mailbox, inbox, read_only=False)


def test_nothing_new_tells_nothing(view: View):
    assert view.updates(expunges=True) == []


def test_new_message_is_told_once(view: View, mailbox: Mailbox):
    mailbox.deliver(b"new", 0.0)

    assert [view.updates(expunges=True), view.updates(expunges=True)] == [["4 EXISTS"], []]


def test_numbers_of_removed_messages_are_right_when_read(view: View, mailbox: Mailbox, inbox: Folder):
    mailbox.remove(inbox, inbox.entries[:2])

    assert view.updates(expunges=True) == ["2 EXPUNGE", "1 EXPUNGE"]
    assert [entry.uid for entry in view.entries] == [3]


def test_removed_message_keeps_its_number_while_it_may_not_be_told(view: View, mailbox: Mailbox, inbox: Folder):
    mailbox.remove(inbox, inbox.entries[:1])

    assert view.updates(expunges=False) == []
    assert [number for number, _ in view.select("1:*", by_uid=False)] == [1, 2, 3]
    assert view.updates(expunges=True) == ["1 EXPUNGE"]


def test_changed_flags_are_told(view: View, mailbox: Mailbox, inbox: Folder):
    inbox.entries[1].message.flags |= {"\\Seen", "\\Answered"}
    mailbox.touch(inbox.entries[1])

    assert view.updates(expunges=True) == [f"2 FETCH (UID 2 MODSEQ ({mailbox.modseq}) FLAGS (\\Answered \\Seen))"]


def test_flags_that_the_client_knows_are_not_told(view: View, mailbox: Mailbox, inbox: Folder):
    mailbox.touch(inbox.entries[1])
    view.forget_changes()

    assert view.updates(expunges=True) == []


@pytest.mark.parametrize(
    ("numbers", "chosen"),
    [("1", [1]), ("1:2", [1, 2]), ("2:1", [1, 2]), ("*", [3]), ("2:*", [2, 3]), ("1,3", [1, 3]), ("9", []), ("9:*", [3])],
)
def test_sets_choose_messages(view: View, numbers: str, chosen: list[int]):
    assert [number for number, _ in view.select(numbers, by_uid=False)] == chosen


def test_uids_are_not_numbers(mailbox: Mailbox, inbox: Folder):
    mailbox.remove(inbox, inbox.entries[:1])
    view = View(mailbox, inbox, read_only=False)

    assert [number for number, _ in view.select("3", by_uid=True)] == [2]


@pytest.mark.parametrize("numbers", ["", "a", "1:2:3", "-1", "1,"])
def test_what_is_no_set_is_refused(view: View, numbers: str):
    with pytest.raises(BadCommand):
        view.select(numbers, by_uid=False)


def test_flags_are_sorted(inbox: Folder):
    inbox.entries[0].message.flags = {"\\Seen", "$Junk"}

    assert flags_text(inbox.entries[0]) == "$Junk \\Seen"
