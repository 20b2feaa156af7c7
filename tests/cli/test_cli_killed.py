"""Commands that are killed with SIGKILL in the middle: the same command again leaves a whole output."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commanding import IMPORTS, PROGRESS, Clock, contacts_file, ended, rows_of, started, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from qualtrics_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills another process as POSIX does")

DISTRIBUTE = "POST /distributions"
LINKS = "GET /distributions/{distributionId}/links"

JOBS_TAKE = 60
"""Seconds of the sandbox's clock, as `slow` says."""


def inside() -> set[str]:
    return {path.name for path in Path().iterdir()}


def kill_when(argv: list[str], is_there: Callable[[], bool], clock: Clock) -> None:
    """Kill a command as soon as something has happened; the sandbox's jobs get on meanwhile."""

    def there() -> bool:
        clock.now += 1
        return is_there()

    with started(*argv) as process:
        until(there)
        process.kill()
        assert ended(process).code == -9


def finish(argv: list[str], clock: Clock) -> tuple[int, str]:
    """Run a command to its end while the sandbox's jobs get on."""

    def over() -> bool:
        clock.now += 1
        return process.poll() is not None

    with started(*argv) as process:
        until(over)
        done = ended(process)
    return done.code, done.err


@pytest.mark.parametrize("deduplicate", [("email",), ()])
def test_a_killed_import_goes_on(slow: tuple[Sandbox, Clock], deduplicate: tuple[str, ...]) -> None:
    """Killed when its reply is due and again when the import is under way: each contact is there once."""
    sandbox, clock = slow
    directory = sandbox.state.add_directory("Other", deduplicate=deduplicate)
    customers = sandbox.state.add_mailing_list("Customers", directory_id=directory)
    contacts_file(300, "bad\n")
    argv = ["contacts", "import", "contacts.csv", "--mailing-list", customers, "--directory", directory]
    argv += ["--failures", "failed.csv"]
    held = sandbox.faults.add(kind="delay", route=IMPORTS, when="after")
    kill_when(argv, lambda: held.used > 0, clock)
    held.release()
    before = inside()
    assert ".failed.csv.partial" in before
    if deduplicate:  # it was sent again, and is under way again
        kill_when(argv, lambda: sandbox.calls[PROGRESS, 200] > 0, clock)
        assert inside() == before
    else:  # it is looked for: whoever finds most of it and not all of it waits ten minutes for the rest
        clock.now += JOBS_TAKE
    code, err = finish(argv, clock)
    assert code == 3, err
    assert "300 done, 1 failed" in err
    assert [row["_line"] for row in rows_of("failed.csv")] == ["302"]
    arrived = sandbox.state.list_contacts(customers)
    assert sorted(contact.ext_ref or "" for contact in arrived) == sorted(f"X{n}" for n in range(300))
    assert inside() == {"contacts.csv", "failed.csv"}


def hold(sandbox: Sandbox, where: str) -> Fault:
    """Let a request come and its answer not."""
    if where == "second page":
        return sandbox.faults.add(kind="delay", route=LINKS, path="skipToken")
    return sandbox.faults.add(kind="delay", route=where, when="after")


@pytest.mark.parametrize("where", [IMPORTS, DISTRIBUTE, "second page"])
def test_the_whole_way_goes_on_after_a_kill(slow: tuple[Sandbox, Clock], where: str) -> None:
    """Killed while it imports, distributes or reads: each row has its link, of one list and distribution."""
    sandbox, clock = slow
    contacts_file(230, "bad\n")
    argv = ["links", "from-contacts", "contacts.csv", "--survey", sandbox.state.survey_id]
    argv += ["--list", "Spring", "--output", "links.csv", "--failures", "failed.csv"]
    held = hold(sandbox, where)
    kill_when(argv, lambda: held.used > 0, clock)
    held.release()
    assert inside() >= {".links.csv.partial", ".failed.csv.partial"}
    assert "links.csv" not in inside()
    code, err = finish(argv, clock)
    assert code == 3, err
    assert "230 done, 1 failed" in err
    links = rows_of("links.csv")
    assert [row["line"] for row in links] == [str(n + 2) for n in range(230)]
    assert [row["external_data_reference"] for row in links] == [f"X{n}" for n in range(230)]
    assert len({row["link"] for row in links}) == 230
    assert [row["_line"] for row in rows_of("failed.csv")] == ["232"]
    (spring,) = sandbox.state.mailing_lists.values()
    assert len(spring.members) == 230
    assert len(sandbox.state.distributions) == 1
    assert inside() == {"contacts.csv", "failed.csv", "links.csv"}
