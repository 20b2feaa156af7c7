"""How often a contact of a directory may be asked."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from qualtrics_async.models._base import Flag, Input, JsonList, Model

__all__ = [
    "FrequencyRule",
    "FrequencyRuleCreate",
    "FrequencyRuleLimit",
    "FrequencyRuleLimitInput",
    "FrequencyRuleUpdate",
]


class FrequencyRuleLimitInput(Input, kw_only=True):
    """At most so many messages in a period."""

    period: str
    num_messages: int


class FrequencyRuleCreate(Input, kw_only=True):
    """A rule to create; the names are those that are read (assumed)."""

    target_type: str | UnsetType = UNSET
    target_id: str | UnsetType = UNSET
    target_ids: Sequence[str] | UnsetType = UNSET
    email_type: str | UnsetType = UNSET
    days_between: int | UnsetType | None = UNSET
    time_period_limit: FrequencyRuleLimitInput | UnsetType | None = UNSET
    always_send: bool | UnsetType = UNSET
    mutually_exclusive: bool | UnsetType = UNSET


class FrequencyRuleUpdate(FrequencyRuleCreate, kw_only=True):
    """What a rule is to say; whether keys that are not set stay as they are is not known."""


class FrequencyRuleLimit(Model, frozen=True, kw_only=True):
    """At most so many messages in a period, whose words no source has."""

    period: str | None = None
    num_messages: int | None = None


class FrequencyRule(Model, frozen=True, kw_only=True):
    """A rule about how often, and how many days apart, its targets get messages (used by a client)."""

    rule_id: str
    target_type: str | None = None
    target_id: str | None = None
    target_ids: JsonList | None = None
    email_type: str | None = None
    days_between: int | None = None
    time_period_limit: FrequencyRuleLimit | None = None
    always_send: Flag | None = None
    mutually_exclusive: Flag | None = None
