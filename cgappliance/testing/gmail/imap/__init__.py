"""imap.gmail.com:993 as Gmail speaks it, in small files: start reading at ``session.py``."""

from cgappliance.testing.gmail.imap.session import ImapSession

__all__ = ["ImapSession"]
