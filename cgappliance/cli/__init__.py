"""The command line: parse, call ``admin`` or ``server``, print."""

from cgappliance.cli.main import main

__all__ = ["main"]
