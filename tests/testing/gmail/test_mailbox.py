import threading

import pytest

from cgappliance.testing.gmail.mailbox import ALL_MAIL, Mailbox


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


def test_message_stands_in_its_folder_and_in_all_mail(mailbox: Mailbox):
    message = mailbox.deliver(b"raw", 0.0)

    assert mailbox.folders["INBOX"].holds(message)
    assert mailbox.folders[ALL_MAIL].holds(message)


def test_uids_rise_and_are_not_used_again(mailbox: Mailbox):
    inbox = mailbox.folders["INBOX"]
    mailbox.deliver(b"one", 0.0)
    mailbox.remove(inbox, list(inbox.entries))
    mailbox.deliver(b"two", 0.0)

    assert [entry.uid for entry in inbox.entries] == [2]


def test_removed_message_stays_in_other_folders(mailbox: Mailbox):
    message = mailbox.deliver(b"raw", 0.0)
    inbox = mailbox.folders["INBOX"]

    mailbox.remove(inbox, list(inbox.entries))

    assert not inbox.entries
    assert mailbox.folders[ALL_MAIL].holds(message)


def test_copy_shares_the_message_and_keeps_its_place(mailbox: Mailbox):
    message = mailbox.deliver(b"raw", 0.0)
    trash = mailbox.folders["[Gmail]/Trash"]

    first, second = mailbox.copy(message, trash), mailbox.copy(message, trash)

    assert first is second
    assert first.message is message


def test_every_change_counts(mailbox: Mailbox):
    message = mailbox.deliver(b"raw", 0.0)
    counts = [mailbox.modseq]
    mailbox.touch(mailbox.folders["INBOX"].entries[0])
    counts.append(mailbox.modseq)
    mailbox.copy(message, mailbox.folders["[Gmail]/Trash"])
    counts.append(mailbox.modseq)

    assert counts == sorted(set(counts))


def test_inbox_is_found_without_case_and_others_are_not(mailbox: Mailbox):
    assert mailbox.folder("inbox") is mailbox.folders["INBOX"]
    assert mailbox.folder("[gmail]/trash") is None


def test_waiters_are_woken_by_another_thread(mailbox: Mailbox):
    changed = mailbox.changed()
    thread = threading.Thread(target=mailbox.deliver, args=(b"raw", 0.0))
    thread.start()

    assert changed.wait(5)
    thread.join()
