"""The demo: what it makes, that its table adds up, and that it notices when it does not."""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
from collections import Counter
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qualtrics_async.bulk.readers import read_csv
from qualtrics_async.bulk.rows import BrokenRow, SourceRow
from qualtrics_async.cli import run as run_command
from qualtrics_async.cli.demo import server
from qualtrics_async.cli.demo.contacts import COLUMNS, LIST_COLUMN, SHARES, list_names, write_contacts
from qualtrics_async.cli.demo.run import _chooser
from qualtrics_async.sandbox import BySeconds, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


def rows_of(path: Path) -> list[SourceRow | BrokenRow]:
    async def collect() -> list[SourceRow | BrokenRow]:
        async with aclosing(read_csv(path)) as rows:
            return [row async for row in rows]

    return asyncio.run(collect())


class NearServer:
    """The demo's sandbox on a thread, so that a test can tamper with what it knows."""

    def __init__(self, sandbox: Sandbox, **lies: int) -> None:
        state = sandbox.state
        self.address = server.Address(
            sandbox.base_url, sandbox.token, state.survey_id, state.default_directory_id
        )
        self.sandbox = sandbox
        self.lies = lies

    def truth(self) -> server.Truth:
        """What the sandbox knows, and the lies."""
        return replace(server._truth(self.sandbox), **self.lies)


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[NearServer]:
    """The demo runs in this process, in an empty folder, on a sandbox whose jobs are done at once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    with Sandbox.in_thread(jobs=BySeconds(0)) as sandbox:
        fake = NearServer(sandbox)

        @contextmanager
        def running(seed: int) -> Iterator[NearServer]:
            yield fake

        monkeypatch.setattr(server, "running", running)
        yield fake


def table_of(text: str) -> dict[str, str]:
    pairs = (line.strip().rsplit("  ", 1) for line in text.splitlines() if line.strip())
    return {pair[0].strip(): pair[-1].strip() for pair in pairs}


@pytest.mark.parametrize(("rows", "lists"), [(1, 1), (400, 2)])
def test_the_table_adds_up(
    near: NearServer, capsys: pytest.CaptureFixture[str], rows: int, lists: int
) -> None:
    """Every row has one outcome, every contact a link or a reason, and the file has all links."""
    code = run_command(["demo", "--rows", str(rows), "--lists", str(lists)])
    wrote = capsys.readouterr()
    assert code == 0, wrote.err
    table = table_of(wrote.out)
    assert table["rows"] == str(rows)
    assert int(table["accepted"]) + int(table["failed"]) == rows
    assert int(table["contacts"]) == int(table["links"]) + int(table["opted out"])
    assert table["refused (429)"] == "0"
    with Path("links.csv").open(encoding="utf-8", newline="") as file:
        links = list(csv.DictReader(file))
    assert len({row["link"] for row in links}) == len(links) == int(table["links"])
    assert len({row["mailing_list_id"] for row in links}) == lists
    assert "it adds up; the links are in links.csv" in wrote.err
    assert near.sandbox.token not in wrote.out + wrote.err


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        ({"accepted_rows": 7}, "accepted rows, here and in the sandbox"),
        ({"members": 7}, "contacts, here and in the sandbox"),
        ({"links": 7}, "links, here and in the sandbox"),
        ({"requests": 7}, "requests, here and in the sandbox"),
        ({"refusals": 7}, "refusals, here and in the sandbox: 0 and 7"),
    ],
)
def test_what_does_not_add_up_is_told(
    near: NearServer, capsys: pytest.CaptureFixture[str], lie: dict[str, int], words: str
) -> None:
    """When the sandbox knows something else the exit code is 1, and the line says what."""
    near.lies = lie
    assert run_command(["demo", "--rows", "20", "--lists", "1"]) == 1
    assert f"does not add up: {words}" in capsys.readouterr().err


def test_ones_own_file(near: NearServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of one's own goes into the lists by turns, or by its column, and is not replaced."""
    own = Path("own.ndjson")
    own.write_text("".join(f'{{"email": "p{number}@example.com"}}\n' for number in range(10)) + "broken\n")
    assert run_command(["demo", "--contacts", "own.ndjson", "--output", "mine.csv", "--lists", "3"]) == 0
    table = table_of(capsys.readouterr().out)
    assert (table["rows"], table["links"], table["broken line"]) == ("11", "10", "1")
    sizes = [len(made.members) for made in near.sandbox.state.mailing_lists.values()]
    assert sizes == [4, 3, 3]
    assert sorted(os.listdir()) == ["mine.csv", "own.ndjson"]  # noqa: PTH208


def test_a_list_column_divides_the_rows() -> None:
    """Each value has a list of its own while they last; rows without one take turns."""
    choose = _chooser(["A", "B"])
    assert [choose({LIST_COLUMN: name}) for name in ("x", "y", "x", "z", "y")] == ["A", "B", "A", "A", "B"]
    choose = _chooser(["A", "B"])
    assert [choose({}) for _ in range(3)] == ["A", "B", "A"]


def test_the_real_thing_in_two_processes(tmp_path: Path) -> None:
    """The command adds up with its sandbox in another process and a real brand's limits.

    Takes some seconds, because the jobs of that sandbox do.
    """
    done = subprocess.run(
        [sys.executable, "-m", "qualtrics_async", "demo", "--rows", "120", "--lists", "2"],
        cwd=tmp_path,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert table_of(done.stdout)["rows"] == "120"
    assert sorted(os.listdir(tmp_path)) == ["demo-contacts.csv", "links.csv"]  # noqa: PTH208


def test_the_made_file_is_as_promised(tmp_path: Path) -> None:
    """The file is the same for the same seed, has the rows it says, and most of them are good."""
    path, again, other = (tmp_path / name for name in ("a.csv", "b.csv", "c.csv"))
    kinds = write_contacts(path, 5_000, 8, seed=3)
    assert write_contacts(again, 5_000, 8, seed=3) == kinds
    write_contacts(other, 5_000, 8, seed=4)
    assert path.read_bytes() == again.read_bytes() != other.read_bytes()
    rows = rows_of(path)
    assert len(rows) == kinds.total() == 5_000
    assert sum(SHARES.values()) <= 0.04
    assert kinds.total() - kinds["plain"] <= 200
    assert sum(isinstance(row, BrokenRow) for row in rows) == kinds["broken line"]
    good = [row.cells for row in rows if isinstance(row, SourceRow)]
    assert {cells[LIST_COLUMN] for cells in good} == set(list_names(8))
    emails = Counter(cells["Email"] for cells in good if cells["Email"])
    assert sum(count - 1 for count in emails.values()) == kinds["doubled"]
    assert sum(cells["Unsubscribed"] in {"true", "Yes", "1"} for cells in good) == kinds["opted out"]


def test_nobody_in_the_made_file_exists(tmp_path: Path) -> None:
    """Every address is of a domain that is reserved for examples."""
    write_contacts(tmp_path / "a.csv", 3_000, 8, seed=0)
    for row in rows_of(tmp_path / "a.csv"):
        if isinstance(row, SourceRow):
            assert list(row.cells) == list(COLUMNS)
            domain = row.cells["Email"].partition("@")[2]
            assert not domain or "example" in domain


def test_names_of_any_number_of_lists() -> None:
    """There are as many different names as are asked for."""
    for count in (1, 8, 30):
        assert len(set(list_names(count))) == count
