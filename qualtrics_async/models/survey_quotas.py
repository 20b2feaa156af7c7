"""Quotas and quota groups of a survey definition: views of the vendor's JSON, and what writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType, field

from qualtrics_async.models._base import PascalInput, PascalModel
from qualtrics_async.models._view import View

__all__ = [
    "QuotaCreated",
    "QuotaDefinition",
    "QuotaGroup",
    "QuotaGroupCreated",
    "QuotaGroupInput",
    "QuotaInput",
]


class QuotaInput(PascalInput, kw_only=True):
    """A quota to write (documented).

    `logic` says which responses count and `occurrences` how many may; `quota_action` is what happens then
    (`EndCurrentSurvey`, `DontDisplayBlock`, ...) and `action_element` to what.
    """

    name: str
    occurrences: int
    logic: Mapping[str, Any] | Sequence[Any]
    quota_action: str = "EndCurrentSurvey"
    quota_realm: str = "Survey"
    id: str | UnsetType = field(name="ID", default=UNSET)
    logic_type: str | UnsetType = UNSET
    count: int | UnsetType = UNSET
    count_for_undo: int | UnsetType = UNSET
    action_element: str | UnsetType = UNSET
    action_info: Mapping[str, Any] | UnsetType = UNSET
    action_logic: Mapping[str, Any] | UnsetType = UNSET
    quota_schedule: Mapping[str, Any] | UnsetType | None = UNSET
    end_survey_options: Mapping[str, Any] | UnsetType = UNSET
    web_service_options: Mapping[str, Any] | UnsetType = UNSET
    cross_logic_def: Sequence[Mapping[str, Any]] | UnsetType = UNSET
    perform_action_on_user: bool | UnsetType = UNSET


class QuotaCreated(PascalModel, frozen=True, kw_only=True):
    """The ids of a new quota and of the group that it is in (documented)."""

    quota_id: str = field(name="QuotaID")
    quota_group_id: str | None = field(name="QuotaGroupID", default=None)


class QuotaDefinition(View):
    """A quota with its logic (documented); `raw` is all of it."""

    __slots__ = ()
    _title = "ID"

    @property
    def id(self) -> str | None:
        """The id, `QO_...`."""
        return self._text("ID")

    @property
    def name(self) -> str | None:
        """The name."""
        return self._text("Name")

    @property
    def occurrences(self) -> int | None:
        """How many responses it takes."""
        return self._integer("Occurrences")

    @property
    def count(self) -> int | None:
        """How many it has."""
        return self._integer("Count")

    @property
    def count_for_undo(self) -> int | None:
        """The count before a reset."""
        return self._integer("CountForUndo")

    @property
    def logic(self) -> dict[str, Any]:
        """Which responses count, as it is: numbered and named keys mixed."""
        return self._mapping("Logic")

    @property
    def logic_type(self) -> str | None:
        """`Simple`, or cross logic with `cross_logic_def`."""
        return self._text("LogicType")

    @property
    def cross_logic_def(self) -> list[dict[str, Any]]:
        """The cells of a cross logic quota, as they are."""
        return list(self._objects("CrossLogicDef"))

    @property
    def quota_action(self) -> str | None:
        """What happens when it is full: `EndCurrentSurvey`, `DontDisplayBlock`, ..."""
        return self._text("QuotaAction")

    @property
    def quota_realm(self) -> str | None:
        """`Survey` or `ResponseSet`."""
        return self._text("QuotaRealm")

    @property
    def quota_schedule(self) -> dict[str, Any]:
        """When it is reset, as it is."""
        return self._mapping("QuotaSchedule")

    @property
    def action_element(self) -> str | None:
        """The survey, question or block that the action is about."""
        return self._text("ActionElement")

    @property
    def action_info(self) -> dict[str, Any]:
        """The action, as the editor keeps it."""
        return self._mapping("ActionInfo")

    @property
    def action_logic(self) -> dict[str, Any]:
        """The condition of the action, as it is."""
        return self._mapping("ActionLogic")

    @property
    def end_survey_options(self) -> dict[str, Any]:
        """How the survey ends for those who are too many, as it is."""
        return self._mapping("EndSurveyOptions")

    @property
    def web_service_options(self) -> dict[str, Any]:
        """What is called when it is full, as it is."""
        return self._mapping("WebServiceOptions")

    @property
    def perform_action_on_user(self) -> bool | None:
        """Whether the one who fills it is met by the action too."""
        return self._flag("PerformActionOnUser")


class QuotaGroupInput(PascalInput, kw_only=True):
    """A quota group to write (documented).

    `multiple_match` says what happens to a response that several quotas take: `PlaceInAll`, `LeastFilled`,
    `MostFilled`, `LeastFilledPercent`, `MostFilledPercent`, `ReverseOrder` or `CurrentDefinedOrder`
    (documented). `public` makes a page of its counts that anyone can see (documented).
    """

    id: str | UnsetType = field(name="ID", default=UNSET)
    name: str | UnsetType = UNSET
    multiple_match: str | UnsetType = UNSET
    public: bool | UnsetType = UNSET
    quotas: Sequence[str] | UnsetType = UNSET
    selected: bool | UnsetType = UNSET


class QuotaGroupCreated(PascalModel, frozen=True, kw_only=True):
    """The id of a new quota group (documented)."""

    quota_group_id: str = field(name="QuotaGroupID")


class QuotaGroup(View):
    """A quota group (documented); `raw` is all of it."""

    __slots__ = ()
    _title = "ID"

    @property
    def id(self) -> str | None:
        """The id, `QG_...`; documented under two names."""
        return self._text("ID") or self._text("Id")

    @property
    def name(self) -> str | None:
        """The name."""
        return self._text("Name")

    @property
    def multiple_match(self) -> str | None:
        """What happens to a response that several of its quotas take."""
        return self._text("MultipleMatch")

    @property
    def public(self) -> bool | None:
        """Whether anyone can see a page of its counts."""
        return self._flag("Public")

    @property
    def quotas(self) -> list[str]:
        """The ids of its quotas, in order."""
        return [str(item) for item in self._mapping("Quotas").values()]

    @property
    def selected(self) -> bool | None:
        """Whether the editor shows it; not kept (documented)."""
        return self._flag("Selected")
