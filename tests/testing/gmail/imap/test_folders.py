import pytest

from cgappliance.testing.gmail.imap.texts import APPEND_LIMIT_BYTES

SUCCESS = "A1 OK Success"


def test_select_tells_what_gmail_tells(lab):
    lines = lab.imap_talk_in().answer("A1 SELECT INBOX", "A1")

    assert lines == [
        "* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing)",
        "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing \\*)] Flags permitted.",
        "* OK [UIDVALIDITY 1] UIDs valid.",
        "* 1 EXISTS",
        "* 0 RECENT",
        "* OK [UIDNEXT 2] Predicted next UID.",
        f"* OK [HIGHESTMODSEQ {lab.account.mailbox.modseq}]",
        "A1 OK [READ-WRITE] INBOX selected. (Success)",
    ]


def test_examine_is_read_only(lab):
    talk = lab.imap_talk_in()

    assert talk.answer("A1 EXAMINE inbox", "A1")[-1] == "A1 OK [READ-ONLY] inbox selected. (Success)"
    assert talk.answer("A2 STORE 1 FLAGS (\\Seen)", "A2")[-1].startswith("A2 NO [READ-ONLY]")


def test_unknown_folder_is_refused(lab):
    talk = lab.imap_talk_in()

    for command in ("SELECT none", "STATUS none (MESSAGES)", "DELETE none", "RENAME none new", "SUBSCRIBE none"):
        assert talk.ask(f"A1 {command}").startswith("A1 NO [NONEXISTENT]")


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ('LIST "" "*"', 9),
        ('LIST "" "%"', 2),
        ('LIST "[Gmail]/" "%"', 7),
        ('LIST "" ("INBOX" "[Gmail]/S*")', 4),
        ('LIST (SPECIAL-USE) "" "*"', 7),
        ('LIST (SUBSCRIBED) "" "inbox"', 1),
        ('LSUB "" "*"', 9),
        ('XLIST "" "INBOX"', 1),
        ('LIST "" ""', 1),
    ],
)
def test_folders_are_listed(lab, command: str, names: int):
    lines = lab.imap_talk_in().answer(f"A1 {command}", "A1")

    assert len(lines) - 1 == names
    assert lines[-1] == SUCCESS


def test_special_folders_have_their_attributes(lab):
    lines = lab.imap_talk_in().answer('A1 LIST "" "[Gmail]*"', "A1")

    assert lines[0] == '* LIST (\\HasChildren \\Noselect) "/" "[Gmail]"'
    assert '* LIST (\\HasNoChildren \\All) "/" "[Gmail]/All Mail"' in lines


def test_list_can_return_the_status(lab):
    lines = lab.imap_talk_in().answer('A1 LIST "" INBOX RETURN (SPECIAL-USE STATUS (MESSAGES UNSEEN))', "A1")

    assert lines[1] == '* STATUS "INBOX" (MESSAGES 1 UNSEEN 1)'


def test_status_counts(lab):
    lines = lab.imap_talk_in().answer("A1 STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN SIZE)", "A1")

    assert lines[0] == f'* STATUS "INBOX" (MESSAGES 1 RECENT 0 UIDNEXT 2 UIDVALIDITY 1 UNSEEN 1 SIZE {len(lab.message)})'


def test_folders_are_made_renamed_and_deleted(lab):
    talk = lab.imap_talk_in()
    answers = [talk.ask(f"A1 {command}") for command in ("CREATE Work", "RENAME Work Play", "UNSUBSCRIBE Play", "DELETE Play")]

    assert answers == [SUCCESS] * 4
    assert "Play" not in lab.account.mailbox.folders


def test_unsubscribed_folder_is_not_in_lsub(lab):
    talk = lab.imap_talk_in()
    talk.ask("A1 UNSUBSCRIBE INBOX")

    assert talk.answer('A1 LSUB "" INBOX', "A1") == [SUCCESS]


@pytest.mark.parametrize("command", ["CREATE inbox", "RENAME [Gmail]/Spam Junk", "DELETE INBOX", "RENAME Work INBOX", 'CREATE ""'])
def test_what_cannot_be_is_refused(lab, command: str):
    talk = lab.imap_talk_in()
    talk.ask("A0 CREATE Work")

    assert talk.ask(f"A1 {command}").startswith("A1 NO ")


def test_append_stores_byte_for_byte_with_flags_and_date(lab):
    raw = b"Subject: x\r\n\r\n\0\xff\r\n"
    talk = lab.imap_talk_in()
    talk.ask(f'A1 APPEND INBOX (\\Seen) "15-Jan-2027 08:00:00 +0000" {{{len(raw)}}}')

    assert talk.ask(raw) == "A1 OK [APPENDUID 1 2] (Success)"

    message = lab.account.mailbox.folders["INBOX"].entries[1].message
    assert (message.raw, message.flags, message.received_at) == (raw, {"\\Seen"}, 1_800_000_000.0)


def test_append_takes_an_empty_line_as_message(lab):
    assert lab.imap_talk_in().ask('A1 APPEND INBOX ""') == "A1 OK [APPENDUID 1 2] (Success)"


@pytest.mark.parametrize(
    ("command", "start"), [("APPEND none x", "NO [TRYCREATE]"), ("APPEND INBOX", "BAD"), ('APPEND INBOX "x" y', "BAD")]
)
def test_append_that_cannot_be_is_refused(lab, command: str, start: str):
    assert lab.imap_talk_in().ask(f"A1 {command}").startswith(f"A1 {start}")


def test_append_limit_is_gmails():
    assert APPEND_LIMIT_BYTES == 35651584


def test_namespace_and_quota_are_told(lab):
    talk = lab.imap_talk_in()

    assert talk.answer("A1 NAMESPACE", "A1")[0] == '* NAMESPACE (("" "/")) NIL NIL'
    assert talk.answer("A1 GETQUOTAROOT INBOX", "A1")[:2] == ['* QUOTAROOT "INBOX" ""', '* QUOTA "" (STORAGE 0 15728640)']


def test_enable_is_refused_once_a_folder_is_selected(lab):
    talk = lab.imap_talk_in()
    assert talk.answer("A1 ENABLE UTF8=ACCEPT QRESYNC", "A1") == ["* ENABLED UTF8=ACCEPT", SUCCESS]
    talk.answer("A2 SELECT INBOX", "A2")

    assert talk.ask("A3 ENABLE CONDSTORE") == "A3 BAD ENABLE not allowed now."
