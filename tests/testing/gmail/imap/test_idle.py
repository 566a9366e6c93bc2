def test_idle_tells_a_new_message_at_once(lab):
    talk = lab.imap_talk_in()
    talk.answer("A0 SELECT INBOX", "A0")
    assert talk.ask("A1 IDLE") == "+ idling"

    lab.account.mailbox.deliver(lab.message, 0.0)

    assert talk.line() == "* 2 EXISTS"
    assert talk.ask("done") == "A1 OK IDLE terminated (Success)"


def test_idle_ends_with_the_session_in_words(lab):
    talk = lab.imap_talk_in()
    talk.ask("A1 IDLE")

    lab.state.clock.advance(3599)

    assert talk.line() == "* BYE Session expired, please login again."


def test_anything_but_done_is_bad(lab):
    talk = lab.imap_talk_in()
    talk.ask("A1 IDLE")

    assert talk.ask("A2 NOOP").startswith("A1 BAD Expected DONE")
