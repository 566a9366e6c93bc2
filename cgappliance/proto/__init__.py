"""The three mail protocols before login, pure: bytes in, events and bytes out. No socket, clock, log or gevent here.

*front* is the client's side, *back* is Gmail's side; both are driven the same way::

    front.feed(data)                      # what the socket gave, at most a few KiB at a time
    while True:
        match front.next_event():         # never blocks, never raises for what a peer sent
            case NeedData(): ...          # read more
            case Send(data): ...          # write it
            case LoginAttempt(credentials): ...   # answer with front.refuse(reason) or front.accept(accepted)
            case Close(data): ...         # write it, then close

Read ``events`` first. Shared by all: ``buffer`` (lines and literals, bounded), ``limits``, ``sasl`` (mechanisms; the only maker
of Credentials), ``replies`` (outcome to answer), ``text`` (a peer's words for the log). POP3 and SMTP share ``linefront`` and
``lineback``.

A driver asks for events until NeedData before it feeds again; then no machine here holds more than its limits plus one chunk.
"""
