"""Files of automations."""

from __future__ import annotations

from typing import Final

import msgspec

from qualtrics_async.models._base import Model, lenient

__all__ = ["AnyAutomationFileCreated", "AutomationFileCreated", "AutomationFileWarning"]


class AutomationFileWarning(Model, frozen=True, kw_only=True):
    """What the service says beside a success: that a file of the same name was overwritten, for one."""

    warning_code: str | None = None
    warning_message: str | None = None


class AutomationFileCreated(Model, frozen=True, kw_only=True):
    """The id of a file that was uploaded. Look at `warning`: it is set when the file replaced another one."""

    id: str
    warning: AutomationFileWarning | None = None


def _created(value: object) -> AutomationFileCreated:
    """An `AutomationFileCreated`, from a whole body: the warning is not in the result but in `meta`."""
    body = value if isinstance(value, dict) else {}
    result, meta = body.get("result"), body.get("meta")
    if not isinstance(result, dict) or "id" not in result:
        raise ValueError("expected the id of the file that was created")
    warning = meta.get("warning") if isinstance(meta, dict) else None
    return msgspec.convert({"id": result["id"], "warning": warning}, AutomationFileCreated)


AnyAutomationFileCreated: Final = lenient(AutomationFileCreated, _created)
