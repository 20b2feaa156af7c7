"""Quotas in a window that slides, under a clock that the test moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from speaking import Clock, asynchronous, speaking

from qualtrics_async.sandbox import Quotas, routes
from qualtrics_async.sandbox.limits import Window


@asynchronous
async def test_the_brand_is_limited_and_refusals_do_not_count() -> None:
    clock = Clock()
    async with speaking(quotas=Quotas(3, retry_after=True), clock=clock) as call:
        for _ in range(3):
            clock.now += 10
            assert (await call.get("/whoami")).status == 200
        for _ in range(5):
            refused = await call.get("/surveys")
            assert refused.status == 429
            assert refused.headers["Retry-After"] == "40"
            assert refused.json["meta"].keys() == {"httpStatus", "requestId", "error"}
        clock.now += 40
        assert (await call.get("/surveys")).status == 200
        assert (await call.get("/surveys")).headers["Retry-After"] == "10"
        assert [record.status for record in call.sandbox.requests].count(429) == 6


@asynchronous
async def test_a_route_has_a_window_of_its_own() -> None:
    clock = Clock()
    quotas = Quotas(None, {"GET /surveys/{surveyId}": 1})
    async with speaking(quotas=quotas, clock=clock) as call:
        path = f"/surveys/{call.sandbox.state.survey_id}"
        assert (await call.get(path)).status == 200
        refused = await call.get("/surveys/SV_another")
        assert refused.status == 429
        assert "Retry-After" not in refused.headers
        assert (await call.get("/surveys")).status == 200


@asynchronous
async def test_refused_requests_draw_no_faults_and_do_no_work() -> None:
    async with speaking(quotas=Quotas(0)) as call:
        call.sandbox.faults.add(kind="status")
        assert (await call.post(call.lists, {"name": "a"})).status == 429
        assert call.sandbox.faults.log == []
        assert call.sandbox.state.mailing_lists == {}


def test_real_quotas_name_implemented_routes() -> None:
    implemented = {f"{method} {template}" for method, template, _ in routes()}
    assert Quotas.real().routes.keys() <= implemented
    assert Quotas.real(retry_after=True).retry_after


@given(
    steps=st.lists(st.integers(0, 240).map(lambda eighths: eighths / 8), max_size=200),
    brand=st.integers(1, 20),
    route=st.integers(1, 20),
)
def test_no_window_lets_more_than_its_quota_through(steps: list[float], brand: int, route: int) -> None:
    window, now = Window(Quotas(brand, {"GET /surveys": route})), 0.0
    admitted: list[tuple[float, str]] = []
    for number, step in enumerate(steps):
        now += step
        name = "GET /surveys" if number % 2 else "GET /whoami"
        wait = window.admit(name, now)
        if wait is None:
            admitted.append((now, name))
        else:
            assert 0 < wait <= 60
    for end, _ in admitted:
        inside = [name for at, name in admitted if end - 60 < at <= end]
        assert len(inside) <= brand
        assert inside.count("GET /surveys") <= route
