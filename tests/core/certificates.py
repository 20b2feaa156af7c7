"""TLS contexts under an authority of the tests' own."""

from __future__ import annotations

import ssl

import trustme

AUTHORITY = trustme.CA()


def server_context(*, client_certificate: bool = False) -> ssl.SSLContext:
    """Make a server's context; it may demand a certificate of the client."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    if client_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        AUTHORITY.configure_trust(context)
    return context


def client_context(*, certificate: bool = False) -> ssl.SSLContext:
    """Make a client's context that trusts the authority; it may have a certificate."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if certificate:
        AUTHORITY.issue_cert("client@example.com").configure_cert(context)
    return context


SERVER, CLIENT = server_context(), client_context()
STRICT, CERTIFIED = server_context(client_certificate=True), client_context(certificate=True)
ELSEWHERE = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
AUTHORITY.issue_cert("fra1.example.com").configure_cert(ELSEWHERE)
