"""Every limit that holds before login, by name, with the reason for its size. It may import the standard library only.

Sizes are in octets. A line's limit counts its line end. They are what a stranger may make the appliance hold, so they are as
small as real clients allow; after login the appliance keeps nothing and these no longer apply.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PreLoginLimits:
    """What one connection may cost before anybody is logged in. A test may make one with small numbers."""

    #: All lines of one IMAP command together, literals not counted: RFC 7162 section 4 has clients keep below this.
    imap_command: int = 8192
    #: Words, strings and parentheses behind an IMAP command's name: an ID with all its pairs has 62.
    imap_arguments: int = 64
    #: An IMAP tag. Dovecot's figure; real ones have 1 to 8 octets.
    imap_tag: int = 126
    #: One literal of LOGIN. An address has 254 octets (RFC 5321), a password four times what RFC 4616 asks servers to take.
    imap_login_literal: int = 1024
    #: All literals of one LOGIN: two are the grammar's; more than that only happens in attacks.
    imap_login_literals: int = 4096
    #: A literal whose octets come unasked: RFC 7888 section 5 (LITERAL-). Anything larger is on its way already: close.
    imap_nonsync_literal: int = 4096
    #: Pairs of ID: RFC 2971 section 3.3 (at most 30).
    imap_id_pairs: int = 30
    #: A field name of ID: RFC 2971 section 3.3 (at most 30 octets).
    imap_id_field: int = 30
    #: A value of ID: RFC 2971 section 3.3 (at most 1024 octets).
    imap_id_value: int = 1024
    #: One answer to a SASL challenge: RFC 4954 section 4 (12288 octets).
    sasl_line: int = 12288
    #: A POP3 command: RFC 2449 section 4 says 255; the double, for passwords with percent or UTF-8 growth.
    pop3_line: int = 512
    #: An SMTP command: RFC 5321 section 4.5.3.1.4 says 512; the double, because extensions may lengthen commands.
    smtp_line: int = 1024
    #: Commands before login. A careful client needs five; Dovecot and others stop between 8 and 20.
    commands: int = 20
    #: Commands that are no commands. Browsers and scanners are noticed at the first; a person with telnet may slip.
    bad_commands: int = 5
    #: Logins on one connection. A person mistypes once or twice; a client repeats what it has stored for ever.
    login_tries: int = 3

    #: One line of an upstream before login. Gmail's longest, a web-login URL, has a few hundred octets.
    reply_line: int = 8192
    #: Lines of an upstream's greeting (SMTP allows several). Dovecot's figure.
    greeting_lines: int = 32
    #: Lines of one upstream reply: EHLO keywords, or untagged IMAP data before the tagged line. Dovecot's figure.
    reply_lines: int = 128
    #: All lines of one upstream reply together.
    reply_octets: int = 65536


DEFAULT_LIMITS = PreLoginLimits()
