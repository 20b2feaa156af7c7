"""The crash test: a process that runs a job is killed again and again, and started again until it ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from threading import Timer
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias, get_args

import msgspec
from accounting import UNFINISHED, Account, audit, audit_journal
from dying import Die, End, Orders, Where
from msgspec.structs import replace
from proving import Call, Part, Place, Plan, Said, arrange, disturb, refusing
from working import CONTACTS, CREATE, CREATE_LIST, DISTRIBUTE, IMPORT, LINKS, PROGRESS, REPORT

from qualtrics_async import RetryPolicy
from qualtrics_async.sandbox import Fault, Sandbox

__all__ = ["KILLS", "Kill", "KillKind", "Nursery", "crash"]

KillKind: TypeAlias = Literal["held", "journal", "time"]
"""While the sandbox holds a request; at a step of the journal; at any time."""

KILLS: Final[tuple[KillKind, ...]] = get_args(KillKind)

RECONCILE: Final = 0.8
"""Seconds; far more than the sandbox takes for anything, and far less than ten minutes."""

_STEP: Final = 0.05
_PATIENCE: Final = 30.0
_MOST_CALLS: Final = 12
_LOOK: Final = 0.002
_LATEST: Final = 0.25
_ROUTES: Final = {
    "imports": (IMPORT, IMPORT, PROGRESS, REPORT, "*"),
    "creates": (CREATE, "*"),
    "links": (DISTRIBUTE, DISTRIBUTE, CONTACTS, LINKS, "*"),
    "updates": ("PUT *", "*"),
    "removals": ("DELETE *", "*"),
    "opt-outs": ("PUT *", "*"),
    "ways": (CREATE_LIST, IMPORT, DISTRIBUTE, DISTRIBUTE, CONTACTS, LINKS, "*"),
}
_FURTHEST: Final = {
    "imports": 3,
    "creates": 20,
    "links": 2,
    "updates": 30,
    "removals": 30,
    "opt-outs": 30,
    "ways": 2,
}
_MILD: Final = ("cut", "truncated", {"kind": "cut", "when": "after"}, {"kind": "status", "status": 500})


class Hangs(Exception):
    """A process neither ended nor died in time."""


class Broken(Exception):
    """A process ended by an error that is a bug: its traceback is on the standard error."""


class Nursery:
    """The process that forks those that die (`dying.py`)."""

    def __init__(self) -> None:
        script = str(Path(__file__).with_name("dying.py"))
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._heard = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and the child that it has."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()

    def start(self, orders: Orders) -> None:
        """Start a child; one at a time."""
        self._tell(msgspec.json.encode(orders))

    def kill(self) -> None:
        """Kill the child with SIGKILL, unless it is gone."""
        self._tell(b"kill")

    def ended(self, seconds: float) -> int | None:
        """Wait for the end of the child: its status, negative for a signal; None when time is up."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        if not ready:
            return None
        self._heard += os.read(self._process.stdout.fileno(), 4096)
        line, end, self._heard = self._heard.partition(b"\n")
        assert end, f"half a line or none: {line!r}"
        return int(line.removeprefix(b"ended "))

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")


class Kill(msgspec.Struct, frozen=True):
    """When a process is killed: which of the other fields count, `kind` says.

    What the sandbox holds is carried out so many seconds late after the death. An import is not late: it
    might arrive after a later import of its list has ended, and then its absence is no proof (see
    `bench_crash`).
    """

    kind: KillKind
    route: str = "*"
    when: Literal["before", "after"] = "before"
    skip: int = 0
    die: Die | None = None
    seconds: float = 0.0
    late: float = 0.0

    @classmethod
    def draw(cls, kind: KillKind, plan: Plan, random: Random) -> Kill:
        """Draw the moment."""
        match kind:
            case "held":
                skip = random.randint(0, _FURTHEST[plan.job])
                when: Literal["before", "after"] = random.choice(("before", "after"))
                late = 0.0 if plan.job == "imports" else random.choice((0.0, 0.05, _LATEST))
                route = random.choice(_ROUTES[plan.job])
                if plan.job == "ways":
                    late = 0.0 if route in (IMPORT, "*") else late
                    skip = 0 if route == CREATE_LIST else skip
                return cls(kind, route, when, skip, late=late)
            case "journal":
                where: Where = random.choice(("before", "inside", "after"))
                # What a way has done before it delivers is many steps.
                least = 3 if plan.job == "ways" else 0
                return cls(kind, die=Die(int(2 ** random.uniform(least, 6)), where))
            case "time":
                return cls(kind, seconds=random.uniform(0, _LATEST))


class _Run:
    """One case: a sandbox, a journal, and the calls that are made of one job."""

    def __init__(self, sandbox: Sandbox, plan: Plan, folder: Path, nursery: Nursery) -> None:
        self.account = Account(plan)
        self._sandbox = sandbox
        self._plan = plan
        self._place: Place = arrange(sandbox, plan)
        self._journal = folder / "journal.db"
        self._output = folder / "said"
        self._nursery = nursery
        self._parts: list[Part] = []
        self._late: list[Timer] = []

    def disturb(self, random: Random) -> None:
        """Let somebody else do something meanwhile."""
        self._place = disturb(self._sandbox, self._plan, self._place, random)

    def kill(self, kill: Kill, *, replay: bool = False) -> bool:
        """Start the job and kill it; False if it ended before."""
        held = None
        if kill.kind == "held":
            held = self._sandbox.faults.add(
                kind="delay", route=kill.route, when=kill.when, skip=kill.skip, times=1
            )
        self._nursery.start(self._orders(die=kill.die, replay=replay))
        status = self._wait(kill, held)
        if held is not None:
            held.times = 0
            self._release(held, kill.late)
        part = self._heard(status)
        self._parts.append(part)
        killed = status == -signal.SIGKILL
        self.account.kills += killed
        return killed or bool(part.error)

    def _release(self, held: Fault, late: float) -> None:
        """Let a request be carried out, at once or when the next process is at work."""
        timer = Timer(late, held.release)
        timer.start()
        self._late.append(timer)

    def _wait(self, kill: Kill, held: Fault | None) -> int:
        give_up = time.monotonic() + _PATIENCE
        moment = time.monotonic() + kill.seconds if kill.kind == "time" else give_up
        status = None
        while status is None and time.monotonic() < moment and not (held is not None and held.used):
            status = self._nursery.ended(_LOOK)
        if status is None:
            self._nursery.kill()
            status = self._nursery.ended(_PATIENCE)
        if status is None or time.monotonic() > give_up:
            raise Hangs(f"{kill} of {self._plan}")
        return status

    def end(self, again: Kill) -> None:
        """Call the job until it ends by itself, then twice more for all outcomes, and settle the account.

        The first replay may be killed.
        """
        part = Part()
        while not part.ended and self.account.calls <= _MOST_CALLS:
            if self.account.calls == _MOST_CALLS:
                self._sandbox.faults.clear()  # what never ends under faults ends without
            part = self._call(replay=False)
            self._parts.append(part)
            self.account.calls += 1
        if not part.ended:
            self.account.is_wrong(f"it does not end: {part.error}")
        self._sandbox.faults.clear()
        for timer in self._late:
            timer.join()
        self.kill(again, replay=True)
        whole = self._call(replay=True)
        audit(self._sandbox, self._place, self._parts, whole, self.account)
        audit_journal(self._journal.parent, self.account)

    def _call(self, *, replay: bool) -> Part:
        self._nursery.start(self._orders(replay=replay))
        status = self._nursery.ended(_PATIENCE)
        if status is None:
            self._nursery.kill()
            self._nursery.ended(_PATIENCE)
            raise Hangs(f"the last call of {self._plan}")
        return self._heard(status)

    def _orders(self, *, die: Die | None = None, replay: bool = False) -> Orders:
        call = Call(
            plan=self._plan,
            place=self._place,
            journal=str(self._journal),
            replay=replay,
            reconcile_timeout=RECONCILE,
            retry=RetryPolicy(base=0.001),
        )
        return Orders(call, str(self._output), die)

    def _heard(self, status: int) -> Part:
        """Read what the child said."""
        if status not in (0, -signal.SIGKILL):
            raise Broken(f"status {status} of {self._plan}")
        part = Part()
        with contextlib.suppress(FileNotFoundError):
            for line in self._output.read_bytes().splitlines():
                if b'"part"' not in line:
                    part.said.append(msgspec.json.decode(line, type=Said))
                else:
                    end = msgspec.json.decode(line, type=End)
                    part = replace(end.part, said=part.said, error=end.error)
                    part.ended = not end.error and not any(one.reason in UNFINISHED for one in part.said)
            self._output.unlink()
        return part


def crash(
    plan: Plan, kinds: Sequence[KillKind], nursery: Nursery, *, folder: Path, rate: float = 0.0
) -> Account:
    """Run a job, kill it once for each of `kinds` (fewer, if it ends before), and let it end.

    `rate` is the share of requests that go wrong besides.
    """
    random = Random(f"crash {plan.seed}")
    # By polls, whoever looks for a trace makes it come; by the clock, it may come too late for a look.
    seconds = random.choice((None, _STEP))
    with refusing(), Sandbox.in_thread(**plan.sandbox(seconds=seconds)) as sandbox:
        run = _Run(sandbox, plan, folder, nursery)
        if rate:
            sandbox.faults.random(rate=rate, kinds=_MILD, seed=plan.seed)
        for kind in kinds:
            run.disturb(random)
            if not run.kill(Kill.draw(kind, plan, random)):
                break
        run.end(Kill.draw(kinds[-1], plan, random))
        return run.account
