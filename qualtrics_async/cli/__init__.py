"""The command line: the app, and what exceptions become.

Exit codes: 0 all done, 1 an error, 2 a wrong usage, 3 done but some items failed, 130 interrupted by Ctrl-C,
143 ended by SIGTERM.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from qualtrics_async.cli.commands import (
    contacts,
    demo,
    links,
    lists,
    responses,
    sandbox,
    subscriptions,
    surveys,
    webhooks,
    whoami,
)
from qualtrics_async.cli.journals import command_line
from qualtrics_async.cli.output import say
from qualtrics_async.cli.secrecy import masked
from qualtrics_async.cli.signals import Terminated, run_async, terminable
from qualtrics_async.errors import ConfigError, QualtricsError, UsageError

__all__ = ["app", "run"]

DONE, ERROR, USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143

app = App(
    name="qualtrics-async",
    help="Import contacts into Qualtrics, generate survey links, export responses, and hear of events.\n\n"
    "Settings come from the environment: QUALTRICS_API_TOKEN, or QUALTRICS_CLIENT_ID and "
    "QUALTRICS_CLIENT_SECRET; and QUALTRICS_DATACENTER or QUALTRICS_BASE_URL.\n\n"
    "Exit codes: 0 all done, 1 an error, 2 a wrong usage, 3 done but some items failed, "
    "130 interrupted by Ctrl-C, 143 ended by SIGTERM (both go on with the same command).",
    version=lambda: version("qualtrics-async"),
    help_format="markdown",
)
app.command(whoami.whoami)
app.command(sandbox.sandbox)
app.command(surveys.app)
app.command(lists.app)
app.command(contacts.app)
app.command(links.app)
app.command(responses.app)
app.command(webhooks.app)
app.command(subscriptions.app)
app.command(demo.demo)


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    command_line.set(arguments)
    try:
        with terminable():
            return _execute(arguments)
    except Terminated:
        say("terminated")
        return TERMINATED
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except (CycloptsError, UsageError, ConfigError) as error:
        say(f"error: {_line(error)}")
        return USAGE
    except BrokenPipeError:
        return ERROR
    except (QualtricsError, OSError) as error:
        say(f"error: {_line(error)}")
        return ERROR
    finally:
        _settle()


def _settle() -> None:
    """See that what stdout does not take any more is not tried again at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _execute(arguments: list[str]) -> int:
    for argument in arguments:
        if instead := _SECRET_OPTIONS.get(argument.partition("=")[0].lower()):
            raise UsageError(f"a secret is never taken from an argument: {instead}")
    command, bound, _ = app.parse_args(arguments, print_error=False, exit_on_error=False)
    result = command(*bound.args, **bound.kwargs)
    if inspect.iscoroutine(result):
        result = run_async(result)
    return result if isinstance(result, int) else DONE


_SECRET_OPTIONS = {
    **dict.fromkeys(("--token", "--api-token", "--client-secret"), "set QUALTRICS_API_TOKEN"),
    "--shared-key": "name the variable that has it with --shared-key-env",
}


def _line(error: Exception) -> str:
    return masked(" ".join(str(error).split())) or type(error).__name__
