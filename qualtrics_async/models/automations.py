"""Files of automations."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from qualtrics_async.models._base import Model

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
    body = value if isinstance(value, dict) else {}
    result, meta = body.get("result"), body.get("meta")
    if not isinstance(result, dict) or "id" not in result:
        raise ValueError("expected the id of the file that was created")
    warning = meta.get("warning") if isinstance(meta, dict) else None
    return msgspec.convert({"id": result["id"], "warning": warning}, AutomationFileCreated)


if TYPE_CHECKING:
    AnyAutomationFileCreated: TypeAlias = AutomationFileCreated
else:
    from qualtrics_async.models._base import _Lenient

    class AnyAutomationFileCreated(metaclass=_Lenient):
        """An `AutomationFileCreated`, from a whole body: the warning is not in the result but in `meta`."""

        result = AutomationFileCreated
        convert = staticmethod(_created)
