"""Progress: on a terminal only, and on stderr only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.bulk.outcome import Summary
from qualtrics_async.cli.bars import Bar, progress

if TYPE_CHECKING:
    import pytest


def test_a_terminal_sees_bars(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar tells what was read, what has left and what is done; its total grows with what is read."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress() as bars:
        bar = Bar(bars, "importing")
        assert bar.on_progress is not None
        bar.end(Summary(items=2_500, sent=2_400, ok=2_000, failed=500))
    wrote = capsys.readouterr()
    assert wrote.out == ""
    assert "importing" in wrote.err
    assert "2,500 read, 2,400 sent, 2,500 done" in wrote.err
    assert "100%" in wrote.err


def test_a_bar_looks_ten_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is told of progress, little time goes into it, and the last look is not missed."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    now = 0.0
    with progress() as bars:
        assert bars is not None
        bar = Bar(bars, "importing", clock=lambda: now)
        seen = []
        for count in range(40):
            bar.show(Summary(items=100, ok=count))
            seen.append(bars.tasks[0].completed)
            now += 1 / 32
        bar.end(Summary(items=100, ok=100))
        assert bars.tasks[0].completed == 100
    assert sorted(set(seen)) == seen[::4]


def test_nobody_else_does(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stderr is no terminal nothing is written."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with progress() as bars:
        assert bars is None
        bar = Bar(bars, "importing", 10)
        assert bar.on_progress is None
        bar.show(Summary())
        bar.end(Summary(items=10, ok=10))
    assert capsys.readouterr() == ("", "")
