"""`responses`."""

from __future__ import annotations

from cyclopts import App

from qualtrics_async.cli.commands import response_changes, response_export, response_follow, response_import

__all__ = ["app"]

app = App(name="responses", help="Responses of surveys.")
app.command(response_export.export)
app.command(response_follow.follow)
app.command(response_import.import_, name="import")
app.command(response_changes.update)
app.command(response_changes.delete)
