"""`demo`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qualtrics_async.cli.files import distinct, existing, replacing
from qualtrics_async.cli.output import Writer, counted, say
from qualtrics_async.errors import UsageError

__all__ = ["demo"]

MADE = Path("demo-contacts.csv")
MOST = 1_000


def demo(
    *,
    contacts: Path | None = None,
    output: Path = Path("links.csv"),
    rows: int = 20_000,
    lists: int = 8,
    seed: int = 0,
) -> int:
    """Run the whole job on a sandbox: contacts into mailing lists, a link for every contact, no account.

    The sandbox keeps to a real brand's limits. Without a file of your own, one is made (demo-contacts.csv):
    names in many scripts, some rows bad, doubled or opted out. At the end, what the client says is compared
    with what the sandbox knows; the exit code is 0 when it adds up.

    Args:
        contacts: your own file, CSV or NDJSON; a column "Mailing list" divides it, else the lists take turns.
        output: where the links are written.
        rows: how many rows are made.
        lists: how many mailing lists they go into.
        seed: the same seed makes the same file and the same ids.
    """
    from qualtrics_async.cli.bars import progress
    from qualtrics_async.cli.demo.contacts import COLUMNS, write_contacts
    from qualtrics_async.cli.demo.run import run
    from qualtrics_async.cli.demo.server import running
    from qualtrics_async.cli.demo.table import show
    from qualtrics_async.cli.linkfile import LINK_COLUMNS
    from qualtrics_async.cli.signals import run_async

    if rows < 1 or lists < 1:
        raise UsageError("--rows and --lists are at least 1")
    if contacts is not None:
        existing(contacts)
    distinct({"the contacts": contacts or MADE, "the output": output})
    _protect(output, "--output", LINK_COLUMNS)
    if contacts is None:
        _protect(MADE, "--contacts", COLUMNS)
    with running(seed) as server, replacing(output) as file:
        expected = None
        if contacts is None:
            expected = write_contacts(MADE, rows, lists, seed)
            say(f"made {MADE}: {counted(rows, 'row')} for {counted(lists, 'mailing list')}")
        writer = Writer(file, LINK_COLUMNS, "csv")
        with progress() as bars:
            result = run_async(run(server, contacts or MADE, writer, lists, expected, bars=bars))
    show(result)
    for problem in result.problems:
        say(f"does not add up: {problem}")
    if not result.problems:
        say(f"it adds up; the links are in {output}")
    return 1 if result.problems else 0


def _protect(path: Path, option: str, columns: Sequence[str]) -> None:
    """See that a file which is to be overwritten is one that the demo wrote.

    Raises:
        UsageError: when its first line is another.
    """
    if path.is_file() and path.stat().st_size:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            if file.readline(MOST).rstrip("\r\n") != ",".join(columns):
                other = "name another file with" if option == "--output" else "move it, or read it with"
                raise UsageError(f"{path}: it is there and not the demo's: {other} {option}")
