"""One login from greeting to relay, and what it needs from outside."""
