"""What operations are called with when it does not matter what they are called with."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from qualtrics_async.models import ContactUpdate, HeaderInput, MessageInput

_AREAS = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))

PLACEHOLDERS: dict[str, Any] = {
    "confirm": True,
    "contacts": [],
    "header": HeaderInput(),
    "message": MessageInput(message_text="Hello"),
    "send_date": "2026-07-01T12:00:00Z",
}
"""By the name of a parameter, where its name in capitals will not do."""

OVERRIDES: dict[str, dict[str, Any]] = {
    "mailing_list_contacts.update": {"contact": ContactUpdate()},
    "distributions.create_links": {"mailing_list_id": "MAILING_LIST"},
    "distributions.create_email": {"mailing_list_id": "MAILING_LIST"},
}
"""By the name of an operation; the tables of cases add theirs as `ARGUMENTS`."""

for _area in _AREAS:
    OVERRIDES |= getattr(import_module(_area), "ARGUMENTS", {})
