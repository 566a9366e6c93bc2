"""IMAP4rev1 before login: grammar, the client's side (front) and Gmail's side (back)."""
