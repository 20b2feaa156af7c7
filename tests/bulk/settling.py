"""The account of a links job: every contact once, every link the sandbox's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from working import Scene

from qualtrics_async.bulk import Ok

LISTED = "GET /distributions"

DOUBTFUL: list[dict[str, Any]] = [
    {"kind": "cut"},
    {"kind": "cut", "when": "after"},
    {"kind": "truncated"},
    {"kind": "html"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "when": "after"},
]


def settle_links(
    s: Scene,
    outcomes: Iterable[Any],
    missing: dict[str, int] | None = None,
    others: Collection[str] = (),
) -> None:
    """Check that each contact of each list has one outcome, and each link is what the sandbox made.

    `others` are the distributions that somebody else made.
    """
    state = s.sandbox.state
    own = [made for made in state.distributions.values() if made.id not in others]
    by_list = {made.mailing_list_id: made for made in own}
    assert len(by_list) == len(own), "a list has two distributions"
    seen = Counter((o.item.mailing_list_id, o.item.contact_id) for o in outcomes)
    assert set(seen.values()) <= {1}
    expected = {
        (name, contact.id) for name in s.lists for contact in state.list_contacts(name) if name in by_list
    }
    assert set(seen) == expected
    reasons: Counter[str] = Counter()
    for outcome in outcomes:
        who, made = outcome.item, by_list[outcome.item.mailing_list_id]
        contact = state.contacts[who.contact_id]
        assert (who.email, who.external_data_reference) == (contact.email, contact.ext_ref)
        assert who.distribution_id == made.id
        member = state.mailing_lists[who.mailing_list_id].by_contact[contact.id]
        assert who.contact_lookup_id == member.lookup_id
        if isinstance(outcome, Ok):
            assert outcome.value.link == state.link(made, member)
        else:
            reasons[outcome.reason] += 1
    assert reasons == (missing or {})
