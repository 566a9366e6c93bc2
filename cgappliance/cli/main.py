"""The top of the command line."""

import click

from cgappliance import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cgappliance")
def main() -> None:
    """Let a company use ordinary mail clients with Google Workspace under its own rules."""
