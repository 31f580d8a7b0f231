"""The command `policyengine`. A verb is the file of its name with a `command` in it.

A verb that Python keeps for itself has a `_` behind it in the file's name: `import_.py`.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword
from pkgutil import iter_modules
from typing import Any, NoReturn

import click

from policyengine.cli._console import Refusal, complain, show_diagnostics, shown
from policyengine.cli._exits import Exit
from policyengine.cli._options import common_options
from policyengine.diagnostics import CompileError

_EPILOG = """\b
Start here:
  policyengine init my-policies     write a bundle to begin with
  policyengine check my-policies    is it valid?
  policyengine test my-policies     does it do what its tests say?

\b
Exit codes: 0 ok, 1 internal error, 2 usage, 3 policy invalid, 4 tests failed,
5 coverage below the bar, 6 policy loosened, 7 denied, 8 the engines disagree."""


class Verbs(click.Group):
    """A group whose commands are the modules beside it, imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all verbs."""
        names = (m.name for m in iter_modules(__path__) if not m.name.startswith("_"))
        return sorted(name.removesuffix("_") for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of this name, with the options that all verbs have."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command: click.Command = import_module(f"policyengine.cli.{module}").command
        known = {option for parameter in command.params for option in parameter.opts}
        command.params += [o for o in common_options() if known.isdisjoint(o.opts)]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that is asked for; a misspelt one gets a suggestion."""
        name, verbs = args[0], self.list_commands(ctx)
        if name not in verbs and not name.startswith("-"):
            close = get_close_matches(name, verbs, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(verbs)}"
            raise Refusal(f"there is no verb `{name}`", hint)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; what is wrong with policies and files becomes a message."""
        try:
            return super().invoke(ctx)
        except CompileError as error:
            show_diagnostics(error.diagnostics)
            return Exit.INVALID_POLICY
        except OSError as error:
            if error.errno == errno.EPIPE:
                _silence_stdout()
                return Exit.PIPE_CLOSED
            if error.filename is None:
                raise
            raise Refusal(f"`{shown(error.filename)}`: {_reason(error)}") from error

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:
        """Run as a program: ends the process with an exit code of `_exits.py`."""
        given = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        try:
            code = super().main(given, *rest, **extra)
            sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except click.Abort:
            code = Exit.INTERRUPTED
        # The promise of this place: no traceback unasked.
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                _silence_stdout()
                code = Exit.PIPE_CLOSED
            else:
                _confess(error, given)
                code = Exit.INTERNAL
        sys.exit(int(code or 0))


def _confess(error: Exception, args: list[str]) -> None:
    """Say that this is our fault. The error's message is not told: it may quote the input."""
    if "--debug" in args or os.environ.get("POLICYENGINE_DEBUG", "0") not in ("", "0"):
        complain("".join(traceback.format_exception(error)))
    Refusal(
        f"this is a bug in policyengine ({type(error).__name__})",
        "run it again with --debug for the traceback, and please report it",
    ).show()


def _reason(error: OSError) -> str:
    return (error.strerror or "cannot be used").lower()


def _silence_stdout() -> None:
    """Keep the interpreter from complaining about the closed pipe when it flushes at exit."""
    try:
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, sys.stdout.fileno())
    except (OSError, ValueError):
        return


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            told = version("policyengine-gateway")
        except PackageNotFoundError:
            told = "(a checkout that is not installed)"
        click.echo(f"policyengine {told}")
        context.exit()


@click.group(
    cls=Verbs,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Policy as code for AI gateways and agents.

    A policy bundle is a folder of YAML files. These verbs write, check and test bundles, decide
    single requests and explain why, and gate changes to a repository.
    """


main.params += common_options()
