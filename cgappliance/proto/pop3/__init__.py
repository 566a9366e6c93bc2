"""POP3 before login: the client's side (front) and Gmail's side (back)."""
