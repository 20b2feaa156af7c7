"""Progress: on a terminal only, and on stderr only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.bulk.outcome import Summary
from qualtrics_async.cli.bars import Bar, progress

if TYPE_CHECKING:
    import pytest


def test_a_terminal_sees_bars(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar grows with the outcomes, and its total with the items that come to be known."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    with progress() as bars:
        bar = Bar(bars, "importing")
        bar.show(Summary(items=250, ok=100))
        bar.show(Summary(items=250, ok=101))
        bar.end(Summary(items=250, ok=200, failed=50))
    wrote = capsys.readouterr()
    assert wrote.out == ""
    assert "importing" in wrote.err
    assert "250/250" in wrote.err


def test_nobody_else_does(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stderr is no terminal nothing is written."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with progress() as bars:
        assert bars is None
        bar = Bar(bars, "importing", 10)
        bar.show(Summary())
        bar.end(Summary(items=10, ok=10))
    assert capsys.readouterr() == ("", "")
