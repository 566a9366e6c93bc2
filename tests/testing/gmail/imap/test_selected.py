import zlib

import pytest


@pytest.fixture
def talk(lab):
    """A raw connection with INBOX selected: one message of UID 1."""
    talk = lab.imap_talk_in()
    talk.answer("A0 SELECT INBOX", "A0")
    return talk


def test_fetch_gives_the_message_byte_for_byte(lab, talk):
    talk.say("A1 FETCH 1 (UID BODY[])")

    assert talk.line() == f"* 1 FETCH (UID 1 BODY[] {{{len(lab.message)}}}"
    assert talk.read(len(lab.message)) == lab.message
    assert talk.line() == ")"


def test_fetching_marks_as_read_and_tells_so(lab, talk):
    lines = talk.answer("A1 FETCH 1 BODY[TEXT]", "A1")

    assert lab.account.mailbox.folders["INBOX"].entries[0].message.flags == {"\\Seen"}
    assert lines[-2].endswith("FLAGS (\\Seen))")


def test_peeking_marks_nothing(lab, talk):
    talk.answer("A1 FETCH 1 BODY.PEEK[TEXT]", "A1")

    assert lab.account.mailbox.folders["INBOX"].entries[0].message.flags == set()


def test_fetch_of_what_changed_since(lab, talk):
    modseq = lab.account.mailbox.modseq

    assert talk.answer(f"A1 FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})", "A1") == ["A1 OK Success"]
    assert len(talk.answer("A2 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1)", "A2")) == 2


@pytest.mark.parametrize(
    ("action", "flags"),
    [("FLAGS (\\Flagged)", {"\\Flagged"}), ("+FLAGS \\Seen", {"\\Answered", "\\Seen"}), ("-FLAGS.SILENT (\\Answered)", set())],
)
def test_store_changes_flags(lab, talk, action: str, flags: set[str]):
    message = lab.account.mailbox.folders["INBOX"].entries[0].message
    message.flags = {"\\Answered"}

    lines = talk.answer(f"A1 STORE 1 {action}", "A1")

    assert message.flags == flags
    assert len(lines) == (1 if "SILENT" in action else 2)


def test_store_of_nonsense_is_bad(talk):
    assert talk.ask("A1 STORE 1 WHAT (x)").startswith("A1 BAD ")


def test_search_finds_numbers_or_uids(lab, talk):
    lab.account.mailbox.deliver(lab.message, 0.0)
    talk.answer("A1 NOOP", "A1")

    assert talk.answer("A2 SEARCH SUBJECT hello", "A2")[0] == "* SEARCH 1 2"
    assert "* SEARCH 2" in talk.answer("A3 UID SEARCH BEFORE 1-Jan-2000", "A3")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("SEARCH RETURN (MIN MAX COUNT) ALL", '* ESEARCH (TAG "A1") COUNT 1 MIN 1 MAX 1'),
        ("UID SEARCH RETURN () ALL", '* ESEARCH (TAG "A1") UID ALL 1'),
        ("SEARCH RETURN (COUNT MIN) DELETED", '* ESEARCH (TAG "A1") COUNT 0'),
    ],
)
def test_extended_search_answers_what_was_asked(talk, command: str, answer: str):
    assert talk.answer(f"A1 {command}", "A1")[0] == answer


def test_copy_tells_where_it_went(lab, talk):
    assert talk.ask("A1 UID COPY 1 [Gmail]/Starred") == "A1 OK [COPYUID 1 1 1] (Success)"
    assert len(lab.account.mailbox.folders["[Gmail]/Starred"].entries) == 1


def test_move_takes_it_away(lab, talk):
    lines = talk.answer("A1 MOVE 1 [Gmail]/Trash", "A1")

    assert lines == ["* OK [COPYUID 1 1 1] (Success)", "* 1 EXPUNGE", "A1 OK (Success)"]
    assert lab.account.mailbox.folders["INBOX"].entries == []


@pytest.mark.parametrize("command", ["COPY 1 none", "UID MOVE 1 none"])
def test_unknown_target_is_refused(talk, command: str):
    assert talk.ask(f"A1 {command}").startswith("A1 NO [TRYCREATE]")


def test_copy_of_nothing_has_no_code(talk):
    assert talk.ask("A1 UID COPY 9 [Gmail]/Trash") == "A1 OK (Success)"


def test_expunge_removes_what_is_marked(lab, talk):
    lab.account.mailbox.deliver(lab.message, 0.0)
    talk.answer("A1 STORE 1 +FLAGS.SILENT (\\Deleted)", "A1")

    assert "* 1 EXPUNGE" in talk.answer("A2 EXPUNGE", "A2")
    assert [entry.uid for entry in lab.account.mailbox.folders["INBOX"].entries] == [2]


def test_uid_expunge_removes_only_those_named(lab, talk):
    talk.answer("A1 STORE 1 +FLAGS.SILENT (\\Deleted)", "A1")

    assert talk.answer("A2 UID EXPUNGE 2", "A2") == ["A2 OK Success"]
    assert "* 1 EXPUNGE" in talk.answer("A3 UID EXPUNGE 1", "A3")


@pytest.mark.parametrize(("command", "left"), [("CLOSE", 0), ("UNSELECT", 1)])
def test_close_expunges_and_unselect_does_not(lab, talk, command: str, left: int):
    talk.answer("A1 STORE 1 +FLAGS.SILENT (\\Deleted)", "A1")

    assert talk.ask(f"A2 {command}") == "A2 OK Returned to authenticated state. (Success)"
    assert len(lab.account.mailbox.folders["INBOX"].entries) == left
    assert talk.ask("A3 FETCH 1 UID").startswith("A3 BAD ")


def test_changes_of_others_are_told_at_the_next_command(lab, talk):
    lab.account.mailbox.deliver(lab.message, 0.0)

    assert talk.answer("A1 CHECK", "A1") == ["* 2 EXISTS", "A1 OK Success"]


def test_compressed_session_goes_on(lab, talk):
    assert talk.ask("A1 COMPRESS DEFLATE").startswith("A1 OK Success")
    deflate, inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)

    talk._sock.sendall(deflate.compress(b"A2 NOOP\r\n") + deflate.flush(zlib.Z_SYNC_FLUSH))

    answer = b""
    while not answer.endswith(b"\r\n"):
        answer += inflate.decompress(talk._file.read1(1000))
    assert answer == b"A2 OK Success\r\n"


def test_unknown_compression_is_refused(talk):
    assert talk.ask("A1 COMPRESS LZW") == "A1 NO Unknown compression"
