"""The table of coverage is true."""

from __future__ import annotations

from coverage_table import TABLE, table


def test_the_table_of_coverage_is_up_to_date() -> None:
    """It is what the script makes of the catalogue and the sandbox as they are now."""
    assert TABLE.read_text(encoding="utf-8") == table(), (
        "tests/coverage.md is out of date: python tests/coverage_table.py > tests/coverage.md"
    )
