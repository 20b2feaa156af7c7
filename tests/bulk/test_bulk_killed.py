"""Processes that are killed in the middle: nothing is sent twice, and what is in doubt is said to be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from working import CONTACTS, CREATE, DISTRIBUTE, GET_LIST, IMPORT, LINKS, PROGRESS, REPORT

from qualtrics_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")

COUNT = 60
SECONDS = 60
"""What a process may take at most, on a machine that is busy with others."""

Line = tuple[str, Any]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox on a thread, with two lists."""
    with Sandbox.in_thread(deduplicate=(), page_size=10) as made:
        for n in range(2):
            made.state.add_mailing_list(f"List {n}")
        yield made


def start(sandbox: Sandbox, job: str, journal: Path, **more: Any) -> subprocess.Popen[str]:
    """Start a process that runs a job."""
    told = {
        "job": job,
        "token": sandbox.token,
        "base_url": sandbox.base_url,
        "directory": sandbox.state.default_directory_id,
        "survey": sandbox.state.survey_id,
        "lists": list(sandbox.state.mailing_lists),
        "journal": str(journal),
        "count": COUNT,
        "replay": False,
    }
    command = [sys.executable, str(Path(__file__).with_name("killed.py")), json.dumps(told | more)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str]) -> list[Line]:
    """Read what a process printed until its end."""
    said, _ = process.communicate(timeout=SECONDS)
    return [
        (kind, tuple(key) if isinstance(key, list) else key)
        for kind, key in map(json.loads, said.splitlines())
    ]


def kill_when(process: subprocess.Popen[str], fault: Fault) -> list[Line]:
    """Kill the process while the sandbox holds one of its requests."""
    give_up = time.monotonic() + SECONDS
    while not fault.used and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.005)
    process.kill()
    said = lines(process)
    assert fault.used, "it ended before it could be killed"
    fault.release()
    return said


def finish(sandbox: Sandbox, job: str, journal: Path, **more: Any) -> list[Line]:
    """Run the job to its end."""
    process = start(sandbox, job, journal, **more)
    said = lines(process)
    assert process.returncode == 0
    return said


def settle(sandbox: Sandbox, parts: list[list[Line]], whole: list[Line]) -> Counter[str]:
    """Check that all runs together name each row, the replay names each once, and none is doubled."""
    kinds: dict[int, str] = {}
    for kind, index in (line for part in parts for line in part):
        assert kinds.setdefault(index, kind) == kind
    assert sorted(kinds) == list(range(COUNT))
    assert sorted(index for _, index in whole) == list(range(COUNT))
    assert {index: kind for kind, index in whole} == kinds
    for index, kind in kinds.items():
        accepted = sandbox.state.accepted_rows[f"r{index}"]
        assert accepted == 1 if kind == "Ok" else accepted <= 1
        assert kind != "Failed"
    return Counter(kinds.values())


def test_an_import_that_is_killed_again_and_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """While it reads, checks, sends, waits and reads the report: what arrived is found, none doubled."""
    journal, parts = tmp_path / "j.db", []
    # The imports of one list follow each other, so a request that is held holds all of them. An import of
    # another list could be about to leave when the process is killed: what never arrives is rightly in doubt.
    only = {"lists": list(sandbox.state.mailing_lists)[:1]}
    process = start(sandbox, "imports", journal, die_at_row=25, **only)
    parts.append(lines(process))
    assert process.returncode == -signal.SIGKILL
    points: list[tuple[str, Any, int]] = [
        (GET_LIST, "before", 0),
        (IMPORT, "after", 0),
        (PROGRESS, "after", 0),
        (REPORT, "before", 1),
        (IMPORT, "before", 2),  # the last one: no later import tells what became of it
    ]
    for route, when, skip in points:
        held = sandbox.faults.add(kind="delay", route=route, when=when, skip=skip)
        parts.append(kill_when(start(sandbox, "imports", journal, **only), held))
        sandbox.faults.clear()
    parts.append(finish(sandbox, "imports", journal, **only))
    whole = finish(sandbox, "imports", journal, replay=True, **only)
    kinds = settle(sandbox, parts, whole)
    assert kinds == {"Ok": 60}
    assert b"@example.com" not in journal.read_bytes()
    posts = sum(f"{record.method} {record.route}" == IMPORT for record in sandbox.requests)
    assert posts == COUNT // 10


def test_creates_that_are_killed_again_and_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """What arrived is found in its list, what did not is in doubt, and no row is sent twice."""
    journal, parts = tmp_path / "j.db", []
    for when, skip in (("after", 7), ("before", 3)):
        held = sandbox.faults.add(kind="delay", route=CREATE, when=when, skip=skip)  # type: ignore[arg-type]  # a literal
        parts.append(kill_when(start(sandbox, "creates", journal), held))
        sandbox.faults.clear()
    parts.append(finish(sandbox, "creates", journal))
    kinds = settle(sandbox, parts, finish(sandbox, "creates", journal, replay=True))
    assert kinds["Ok"] == sum(sandbox.state.accepted_rows.values()) >= 50
    posts = sum(f"{record.method} {record.route}" == CREATE for record in sandbox.requests)
    assert posts <= COUNT


def test_links_that_are_killed_again_and_again(sandbox: Sandbox, tmp_path: Path) -> None:
    """One distribution a list at most; what was under way is in doubt, the other list is complete."""
    journal, parts = tmp_path / "j.db", []
    first, second = sandbox.state.mailing_lists
    for n in range(25):
        for name in (first, second):
            sandbox.state.add_contact(name, ext_ref=f"r{n}", email=f"{n}@example.com")
    points: list[tuple[str, Any, dict[str, Any]]] = [
        (CONTACTS, "before", {}),
        (LINKS, "after", {"skip": 1}),
    ]
    for route, when, options in points:
        held = sandbox.faults.add(kind="delay", route=route, when=when, **options)
        parts.append(kill_when(start(sandbox, "links", journal), held))
        sandbox.faults.clear()
    parts.append(finish(sandbox, "links", journal))
    whole = finish(sandbox, "links", journal, replay=True)
    made = Counter(made.mailing_list_id for made in sandbox.state.distributions.values())
    assert set(made.values()) == {1}
    assert len(set(whole)) == len(whole)
    assert {line for part in parts for line in part} == set(whole)
    done = {key[0] for kind, key in whole if kind == "Ok"}
    doubtful = {key[0] for kind, key in whole if kind == "InDoubt"}
    assert done | doubtful == {first, second}
    assert done.isdisjoint(doubtful)
    assert sum(kind == "Ok" for kind, _ in whole) == 25 * len(done)


def test_a_distribution_whose_process_was_killed_is_adopted(sandbox: Sandbox, tmp_path: Path) -> None:
    """The POST had arrived; it is found and not sent again."""
    for name in sandbox.state.mailing_lists:
        sandbox.state.add_contact(name, ext_ref="r", email="a@example.com")
    held = sandbox.faults.add(kind="delay", route=DISTRIBUTE, when="after")
    kill_when(start(sandbox, "links", tmp_path / "j.db"), held)
    said = finish(sandbox, "links", tmp_path / "j.db", replay=True)
    assert Counter(kind for kind, _ in said) == {"Ok": 2}
    made = Counter(made.mailing_list_id for made in sandbox.state.distributions.values())
    assert set(made.values()) == {1}
