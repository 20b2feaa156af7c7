"""Client certificates of an organization, for mutual TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qualtrics_async.sandbox.handlers.organizations import check_organization
from qualtrics_async.sandbox.routing import Routes
from qualtrics_async.sandbox.wire import Refused, check_keys, check_texts, result

if TYPE_CHECKING:
    from qualtrics_async.sandbox.wire import Body, Call

__all__ = ["routes"]

routes = Routes()

_CERTIFICATES = "/organizations/{organizationId}/clientcertificates"
_NOUN = "client certificate"
_MOST = 10
_BEGIN = "-----BEGIN CERTIFICATE REQUEST-----"


@routes("GET", _CERTIFICATES, "assumed", per_minute=120)
def list_certificates(call: Call) -> Body:
    """Assumed: what was answered when they were made."""
    check_organization(call)
    return call.page(list(call.state.shelf(_NOUN)), dict)


@routes("POST", _CERTIFICATES, "documented", per_minute=120)
def create_certificate(call: Call) -> Body:
    """Documented, the limit of ten too, but not how it is refused.

    Nothing is signed here. What is no signing request is refused with 400, where the vendor documents 500.
    """
    check_organization(call)
    body = call.json()
    check_keys(body, ("certificateRequest",), ("certificateRequest",))
    check_texts(body, ("certificateRequest",))
    if not body["certificateRequest"].startswith(_BEGIN):
        raise Refused(400, "PLACEHOLDER_400", "certificateRequest must be a signing request in PEM form.")
    certificates = call.state.shelf(_NOUN)
    if len(certificates) >= _MOST:
        raise Refused(400, "PLACEHOLDER_400", f"There are {_MOST} certificates already.")
    made = {
        "id": call.state.new_id("CERT_"),
        "certificate": "-----BEGIN CERTIFICATE-----\nSANDBOX\n-----END CERTIFICATE-----\n",
    }
    certificates.put(made["id"], record=made)
    return result(made)


@routes("GET", _CERTIFICATES + "/{certificateId}", "assumed", per_minute=120)
def get_certificate(call: Call) -> Body:
    """Assumed: what was answered when it was made."""
    check_organization(call)
    return result(call.state.shelf(_NOUN).find(call.ids[1]))


@routes("DELETE", _CERTIFICATES + "/{certificateId}", "assumed")
def delete_certificate(call: Call) -> Body:
    """Assumed: answers meta only."""
    check_organization(call)
    call.state.shelf(_NOUN).remove(call.ids[1])
    return {}
