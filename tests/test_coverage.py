"""The table of coverage is true."""

from __future__ import annotations

from coverage_table import TABLE, keeps, table

from qualtrics_async.sandbox.handlers import OPERATIONS


def test_the_table_of_coverage_is_up_to_date() -> None:
    """It is what the script makes of the catalogue and the sandbox as they are now."""
    assert TABLE.read_text(encoding="utf-8") == table(), (
        "tests/coverage.md is out of date: python tests/coverage_table.py > tests/coverage.md"
    )


def test_what_is_kept_is_read_from_the_handlers() -> None:
    """What a call leaves behind and the next one finds counts; what is the same for everybody does not."""
    kept = {(made.method, made.template): keeps(made.handler) for made in OPERATIONS if made.handler}
    assert kept["POST", "/eventsubscriptions"]
    assert kept["POST", "/oauth2/token"]
    assert kept["GET", "/ex-projects/{projectId}/copy-participants/{jobId}"]
    assert kept["DELETE", "/directories/{directoryId}/mailinglists/{mailingListId}"]
    assert not kept["GET", "/organizations/{organizationId}"]
