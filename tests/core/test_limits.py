"""The published limits, and the caller's in their place."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from qualtrics_async import ConfigError, Limits
from qualtrics_async._core.limits import match_template
from qualtrics_async._core.published_limits import PUBLISHED

# Routes for each rate of the published table below the brand's 3000, counted there.
ROUTES_PER_RATE = {
    1: 1, 5: 1, 10: 6, 20: 3, 30: 3, 50: 2, 60: 8, 75: 13, 100: 12, 120: 12, 240: 3, 300: 1, 500: 37, 600: 6,
    1000: 12, 2000: 2,
}  # fmt: skip

NOTABLE = {
    "GET /organizations/{organizationId}": 5,
    "POST /directories/{directoryId}/export-contacts": 10,
    "POST /directories/{directoryId}/export-contact-segment-memberships": 1,
    "POST /op-erase-personal-data": 20,
    "POST /audit-exports": 30,
    "DELETE /surveys/{surveyId}/responses/{responseId}": 60,
    "GET /employee-directories/{directoryId}/participants": 75,
    "POST /directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts": 100,
    "POST /surveys/{surveyId}/export-responses": 100,
    "DELETE /eventsubscriptions/{subscriptionId}": 120,
    "GET /surveys/{surveyId}/responses/{responseId}": 240,
    "GET /distributions/{distributionId}/history": 300,
    "GET /distributions/{distributionId}/links": 500,
    "POST /directories/{directoryId}/mailinglists/{mailingListId}/contacts": 500,
    "GET /directories/{directoryId}/mailinglists/{mailingListId}/transactioncontacts/{importId}": 500,
    "POST /groups": 600,
    "GET /surveys/{surveyId}/export-responses/{exportProgressId}": 1000,
    "GET /surveys/{surveyId}/translations/{languageCode}": 2000,
}


def test_the_published_table_is_whole() -> None:
    """As many routes at each rate as the vendor's page has, and the notable ones at theirs."""
    assert dict(Counter(PUBLISHED.values())) == ROUTES_PER_RATE
    assert {route: PUBLISHED[route] for route in NOTABLE} == NOTABLE


def test_every_published_route_is_written_like_a_route() -> None:
    """A method, a space, a template; no trailing slash, no doubled one."""
    shape = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/(\{\w+\}|[\w-]+))+")
    assert [route for route in PUBLISHED if not shape.fullmatch(route)] == []


def test_what_the_caller_says_wins_route_by_route() -> None:
    """An override counts for its route alone; None lifts a limit; an unlisted route has none."""
    limits = Limits(routes={"GET /distributions/{distributionId}/links": 50, "POST /audit-exports": None})
    assert limits.of_route("GET /distributions/{distributionId}/links") == 50
    assert limits.of_route("POST /audit-exports") is None
    assert limits.of_route("GET /distributions/{distributionId}/history") == 300
    assert limits.of_route("GET /whoami") is None
    assert (limits.brand_per_minute, limits.max_in_flight) == (3000, 250)


def test_limits_can_be_switched_off() -> None:
    """`unlimited` knows no rate, only how much is under way."""
    limits = Limits.unlimited(max_in_flight=3)
    assert (limits.brand_per_minute, limits.max_in_flight) == (None, 3)
    assert not any(map(limits.of_route, PUBLISHED))


@pytest.mark.parametrize(
    "options",
    [
        {"brand_per_minute": 0},
        {"brand_per_minute": -5},
        {"brand_per_minute": 1.5},
        {"brand_per_minute": True},
        {"brand_per_minute": "3000"},
        {"max_in_flight": 0},
        {"routes": {"GET /surveys": 0}},
        {"routes": {"/surveys": 5}},
        {"routes": {"get /surveys": 5}},
        {"routes": {"GET surveys": 5}},
        {"routes": {"GET /surveys x": 5}},
    ],
    ids=repr,
)
def test_limits_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    """Zero, fractions, truth values and misspelled routes are errors of configuration."""
    with pytest.raises(ConfigError):
        Limits(**options)


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/distributions/EMD_1/links", "/distributions/{distributionId}/links"),
        ("GET", "/distributions/EMD_1", "/*"),
        ("POST", "/distributions/EMD_1/links", "/*"),
        ("GET", "/eventsubscriptions", "/eventsubscriptions"),
        ("GET", "/distributions/sms", "/distributions/sms"),
        ("GET", "/x" * 100, "/*"),
    ],
)
def test_a_concrete_path_counts_against_its_template(method: str, path: str, template: str) -> None:
    """So calls of what is not modelled keep to the published limit."""
    assert match_template(method, path) == template


@pytest.mark.parametrize("route", PUBLISHED)
def test_each_published_route_finds_itself(route: str) -> None:
    """Filling a template with ids leads back to a template of the same rate."""
    method, _, template = route.partition(" ")
    found = match_template(method, re.sub(r"\{\w+\}", "XX_1", template))
    assert PUBLISHED[f"{method} {found}"] == PUBLISHED[route]
