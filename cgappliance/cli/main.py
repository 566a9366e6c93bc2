"""The top of the command line, and the one place where its errors become words and exit statuses.

Exit statuses: 0 done and nothing wrong; 1 something is wrong, and the output says what; 2 the command line, ``cgappliance.toml``
or a plugin is wrong; 70 a mistake in the program.
"""

from __future__ import annotations

import difflib
import errno
import traceback
from typing import Any

import click

from cgappliance import __version__
from cgappliance.cli.common import ENVIRONMENT, EXIT_BUG, EXIT_CONFIGURATION, EXIT_PROBLEMS, State, config_option
from cgappliance.cli.registry import COMMANDS, find
from cgappliance.errors import CgapplianceError, ConfigurationError, PluginError

_EPILOG = """\
Exit status: 0 done; 1 something is wrong and the output says what; 2 command line, cgappliance.toml or a plugin is wrong.

Shell completion: eval "$(_CGAPPLIANCE_COMPLETE=bash_source cgappliance)" in ~/.bashrc (zsh_source, fish_source likewise).
"""


class Words(click.Group):
    """The group of ``registry.COMMANDS``, imported when used, whose errors never show a traceback unless asked to."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words apart; bytes that are no text would go wrong at the first place that prints or stores them.

        Raises:
            UsageError: a word is not UTF-8.
        """
        for word in args:
            if not word.isascii() and word.encode(errors="replace").decode() != word:
                raise click.UsageError(f"{word!a} is not UTF-8", ctx)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all words."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command behind a word."""
        return super().get_command(ctx, cmd_name) or find(cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments begin with; a slip of the pen is answered with the word that was meant.

        Raises:
            UsageError: there is none.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            slips = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not slips:
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}. Did you mean {slips[0]!r}?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of words without importing what is behind them."""
        with formatter.section("Commands"):
            formatter.write_dl([(word, COMMANDS[word]) for word in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end with a line and an exit status where it raises."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise  # click prints these itself
        except Exception as error:  # the last place where a person can be told
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read our output has seen enough: click ends quietly
            ctx.exit(_explain(error, debug=ctx.ensure_object(State).debug))


def _explain(error: Exception, *, debug: bool) -> int:
    """Print what went wrong and return the exit status."""
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if isinstance(error, CgapplianceError):
        click.echo(str(error), err=True)
        return EXIT_CONFIGURATION if isinstance(error, ConfigurationError | PluginError) else EXIT_PROBLEMS
    click.echo(f"unexpected {type(error).__name__}: {error}", err=True)
    click.echo("this is a mistake in cgappliance: please report it, with the output of cgappliance --debug ...", err=True)
    return EXIT_BUG


@click.group(cls=Words, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(__version__, prog_name="cgappliance")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@config_option(ENVIRONMENT)
@click.pass_context
def main(context: click.Context, debug: bool) -> None:
    """Let a company use ordinary mail clients with Google Workspace under its own rules."""
    context.ensure_object(State).debug = debug
