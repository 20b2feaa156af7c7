"""What the public names are to a type checker. Never run: mypy reads it, with the settings of the package."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, assert_type

from qualtrics_async import (
    ApiError,
    Call,
    DecodeError,
    Download,
    Limits,
    Ok,
    OutcomeUnknown,
    Page,
    Paged,
    Qualtrics,
    Quota,
    RateLimited,
    RateState,
    SessionPool,
    concurrent,
)
from qualtrics_async.models import Survey, SurveySummary, WhoAmI


async def resources(client: Qualtrics) -> None:
    """Operations are coroutines of their models, listings are `Paged` of theirs."""
    assert_type(await client.users.whoami(), WhoAmI)
    assert_type(await client.surveys.get("SV_1"), Survey)
    listing = client.surveys.list()
    assert_type(listing, Paged[SurveySummary])
    assert_type(await listing.first_page(), Page[SurveySummary])
    assert_type(await listing.collect(limit=3), list[SurveySummary])
    assert_type(listing.resume(None), Paged[SurveySummary])
    async for survey in listing:
        assert_type(survey, SurveySummary)
    async for page in listing.pages():
        assert_type(page, Page[SurveySummary])
    async with listing.prefetch(pages=2) as items:
        assert_type(items, AsyncIterator[SurveySummary])
    async with concurrent({"a": listing}, limit=8) as pairs:
        async for key, item in pairs:
            assert_type(key, str)
            assert_type(item, SurveySummary)


async def requests(client: Qualtrics) -> None:
    """What is not modelled is a dictionary, or what the caller says."""
    assert_type(await client.request("GET", "/whoami"), dict[str, Any])
    assert_type(await client.request("GET", "/whoami", returns=WhoAmI), WhoAmI)
    assert_type(await client.request("GET", "/surveys", returns=list[int]), list[int])
    assert_type(await client.request("DELETE", "/surveys/{surveyId}", "SV_1", returns=None), None)
    async with client.stream("GET", "/whoami") as download:
        assert_type(download, Download)
        assert_type(download.status, int)
        async for chunk in download.chunks():
            assert_type(chunk, bytes)


async def clients() -> None:
    """Entering gives the client itself; a view with options is one as well."""
    pool = SessionPool()
    limits = Limits(brand_per_minute=3000, routes={"GET /surveys": 500, "GET /users": None})
    async with pool, Qualtrics(token="t", datacenter="fra1", pool=pool, limits=limits) as client:
        assert_type(client, Qualtrics)
        assert_type(client.with_options(deadline=5, retries=0), Qualtrics)
        assert_type(client.quota(), Quota)
        assert_type(client.quota().brand, RateState)
        assert_type(client.quota().brand.available, int | None)
        with client.trace() as calls:
            assert_type(calls, list[Call])
    assert_type(Qualtrics.from_env(), Qualtrics)


def problems(api: ApiError, refusal: RateLimited, doubt: OutcomeUnknown, broken: DecodeError) -> None:
    """Errors have typed attributes."""
    assert_type(api.status, int)
    assert_type(api.error_code, str | None)
    assert_type(api.request_id, str | None)
    assert_type(api.cursor, str | None)
    assert_type(refusal.retry_after, float | None)
    assert_type(doubt.status, int | None)
    assert_type(doubt.attempts, int)
    assert_type(broken.path, str)


def refused(client: Qualtrics, done: Ok[int, str]) -> None:
    """What a checker must refuse; each ignored error is one that has to be there."""
    client.surveys.get(5)  # type: ignore[arg-type, unused-coroutine]  # must be an error
    client.surveys.list(3)  # type: ignore[call-arg]  # must be an error
    client.nowhere  # type: ignore[attr-defined]  # noqa: B018  (that there is no such group is the point)
    Qualtrics("token")  # type: ignore[call-arg]  # must be an error
    Limits(routes={"GET /surveys": "500"})  # type: ignore[dict-item]  # must be an error
    assert_type(done.item, int)
