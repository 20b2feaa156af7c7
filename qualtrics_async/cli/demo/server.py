"""The sandbox of the demo, in another process, so that its work is not taken for the client's."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from qualtrics_async.sandbox import BySeconds, Quotas, Sandbox

__all__ = ["Address", "Truth", "running"]

JOB_SECONDS = 1.0
REFUSED = 429
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the sandbox is, and what is in it."""

    base_url: str
    token: str
    survey_id: str
    directory_id: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What the sandbox knows to have happened."""

    accepted_rows: int
    members: int
    reachable: int
    links: int
    requests: int
    refusals: int


class Server:
    """The sandbox as the demo sees it."""

    def __init__(self, address: Address, pipe: Connection) -> None:
        self.address = address
        self._pipe = pipe

    def truth(self) -> Truth:
        """Ask the sandbox what happened; it answers at once."""
        self._pipe.send(None)
        told: Truth = self._pipe.recv()
        return told


@contextmanager
def running(seed: int) -> Iterator[Server]:
    """Run a sandbox with a real brand's limits in a process of its own."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, seed), name="qualtrics-sandbox", daemon=True)
    process.start()
    theirs.close()
    try:
        with ours:
            yield Server(ours.recv(), ours)
    finally:
        process.join(STOP_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()


def _serve(pipe: Connection, seed: int) -> None:
    # Ctrl-C reaches the whole group of processes; the one who started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    jobs = BySeconds(JOB_SECONDS)
    with Sandbox.in_thread(seed=seed, quotas=Quotas.real(), jobs=jobs, record_requests=False) as sandbox:
        state = sandbox.state
        pipe.send(Address(sandbox.base_url, sandbox.token, state.survey_id, state.default_directory_id))
        while True:
            try:
                pipe.recv()
            except EOFError:
                return
            pipe.send(_truth(sandbox))


def _truth(sandbox: Sandbox) -> Truth:
    members = [member for made in sandbox.state.mailing_lists.values() for member in made.members]
    return Truth(
        accepted_rows=sum(1 for _ in sandbox.state.accepted()),
        members=len(members),
        reachable=sum(member.reachable for member in members),
        links=sum(len(made.members) for made in sandbox.state.distributions.values()),
        requests=sum(sandbox.calls.values()),
        refusals=sum(count for (_, status), count in sandbox.calls.items() if status == REFUSED),
    )
