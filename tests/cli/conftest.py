"""The command line in process, against a sandbox that the environment names."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from commanding import Clock, Done

from qualtrics_async.cli import run
from qualtrics_async.config import ENVIRONMENT
from qualtrics_async.sandbox import ByPolls, BySeconds, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


STOPS = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]


@pytest.fixture(autouse=True)
def heeding() -> Iterator[None]:
    """No signal is ignored, here and in processes, though a shell's `&` and nohup let pytest ignore some."""
    ignored = [number for number in STOPS if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose jobs are done at once, named by the environment."""
    for name in ENVIRONMENT.values():
        monkeypatch.delenv(name, raising=False)
    with Sandbox.in_thread(jobs=ByPolls(0)) as fake:
        monkeypatch.setenv("QUALTRICS_BASE_URL", fake.base_url)
        monkeypatch.setenv("QUALTRICS_API_TOKEN", fake.token)
        yield fake


@pytest.fixture
def call(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Done]:
    """Run a command in an empty folder; no secret may be in what it writes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def called(*argv: str) -> Done:
        capsys.readouterr()
        code = run(argv)
        wrote = capsys.readouterr()
        for secret in (sandbox.token, sandbox.client_secret):
            assert secret not in wrote.out + wrote.err
        return Done(code, wrote.out, wrote.err)

    return called


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Sandbox, Clock]]:
    """A sandbox whose jobs get on only when the test moves the clock, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ENVIRONMENT.values():
        monkeypatch.delenv(name, raising=False)
    clock = Clock()
    with Sandbox.in_thread(jobs=BySeconds(60), clock=clock) as fake:
        monkeypatch.setenv("QUALTRICS_BASE_URL", fake.base_url)
        monkeypatch.setenv("QUALTRICS_API_TOKEN", fake.token)
        yield fake, clock
