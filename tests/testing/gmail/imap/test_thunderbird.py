"""What Thunderbird says to Gmail, in its order; every command must be answered OK."""

HEADERS = "From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To"
COMMANDS = [
    'ID ("name" "Thunderbird" "version" "140.4.0")',
    "enable UTF8=ACCEPT",
    "namespace",
    'list (subscribed) "" "*" return (special-use)',
    'list "" "INBOX"',
    'list "" "*"',
    'lsub "" "*"',
    'select "INBOX" (CONDSTORE)',
    'getquotaroot "INBOX"',
    "UID fetch 1:* (FLAGS)",
    f"UID fetch 1 (UID X-GM-MSGID X-GM-THRID X-GM-LABELS RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS ({HEADERS})])",
    "UID fetch 1 (UID RFC822.SIZE BODY.PEEK[])",
    "UID fetch 1 (BODYSTRUCTURE)",
    "UID fetch 1 (BODY.PEEK[1]<0.16384>)",
    "uid store 1 +Flags (\\Seen)",
    "UID fetch 1:* (FLAGS) (CHANGEDSINCE 1)",
    'uid copy 1 "[Gmail]/Trash"',
    'uid move 1 "[Gmail]/All Mail"',
    "noop",
    "close",
    'status "INBOX" (UIDNEXT MESSAGES UNSEEN RECENT)',
]


def test_what_thunderbird_says_is_answered_ok(lab):
    talk = lab.imap_talk_in()

    answers = [talk.answer(f"{number} {command}", f"{number} ")[-1] for number, command in enumerate(COMMANDS, 10)]

    assert [answer.split()[1] for answer in answers] == ["OK"] * len(COMMANDS)
