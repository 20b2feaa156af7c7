"""Who is asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()


@routes("GET", "/whoami", "observed")
def who_am_i(call: Call) -> Body:
    """Observed."""
    state = call.state
    return result(
        {
            "brandId": state.brand_id,
            "userId": state.user_id,
            "userName": f"api.user@example.com#{state.brand_id}",
            "accountType": "UT_BRANDADMIN",
            "firstName": "Api",
            "lastName": "User",
            "email": "api.user@example.com",
            "datacenter": state.datacenter,
        }
    )
