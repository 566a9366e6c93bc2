"""The web site; thin over ``admin``."""
