"""Whether a job kept its promise: what it said, against the sandbox's own record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from proving import LANGUAGE, Part, Place, Plan, Said

from qualtrics_async.sandbox import Sandbox
from qualtrics_async.sandbox.records import Contact

__all__ = ["UNFINISHED", "Account", "audit"]

UNFINISHED = frozenset({"unreadable list"})
"""Reasons that stand for a list whose turn comes again in the next call."""

REFUSALS = frozenset({"refused by the import", "search failed"})
"""Reasons for which a row that can be sent may fail: its import job failed, or no search was answered."""

_WHOLE = "/*"


@dataclass
class Account:
    """What is wrong, counted, and the first cases of it in words."""

    plan: Plan
    rows: int = 0
    kills: int = 0
    calls: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    in_doubt: int = 0
    needless: int = 0
    """Of those in doubt: rows that might have been sent again without harm."""

    decided: Counter[str] = field(default_factory=Counter)
    """What was decided on what was in doubt meanwhile."""

    words: list[str] = field(default_factory=list)

    @property
    def violations(self) -> int:
        """How often the promise was broken."""
        return self.lost + self.doubled + self.wrong

    def is_lost(self, what: str) -> None:
        """Count something that is missing."""
        self.lost += 1
        self.words.append(f"lost: {what}")

    def is_doubled(self, what: str) -> None:
        """Count something that is there twice."""
        self.doubled += 1
        self.words.append(f"doubled: {what}")

    def is_wrong(self, what: str) -> None:
        """Count something that was not so."""
        self.wrong += 1
        self.words.append(f"wrong: {what}")

    def __str__(self) -> str:
        said = "\n".join(f"  {word}" for word in self.words[:12])
        return f"seed {self.plan.seed}: {self.violations} violations of {self.plan}\n{said}"


def audit(sandbox: Sandbox, place: Place, parts: Sequence[Part], whole: Part, account: Account) -> None:
    """Compare what all calls said, what the replay says, and what the sandbox knows."""
    plan = account.plan
    if not whole.ended:
        account.is_wrong(f"the replay was stopped: {whole.error}")
        return
    account.decided.update(whole.decided)
    said = _once(whole, account)
    _compare_parts(parts, said, account)
    account.in_doubt = sum(one.kind == "InDoubt" for one in said.values())
    if whole.items != len(said) or whole.counted != len(said):
        account.is_wrong(
            f"the summary has {whole.items} items and {whole.counted} outcomes, {len(said)} were said"
        )
    match plan.job:
        case "links":
            _audit_links(sandbox, place, said, account)
        case "updates" | "removals":
            _audit_changes(sandbox, plan, place, said, account)
        case _:
            _audit_rows(sandbox, plan, place, said, account)


def _once(whole: Part, account: Account) -> dict[str, Said]:
    said: dict[str, Said] = {}
    for one in whole.said:
        if one.key in said:
            account.is_wrong(f"the replay says {one.key} twice: {said[one.key]} and {one}")
        said[one.key] = one
    return said


def _compare_parts(parts: Sequence[Part], said: dict[str, Said], account: Account) -> None:
    """All calls together have to say what the replay says."""
    before: dict[str, Said] = {}
    for one in (one for part in parts for one in part.said if one.reason not in UNFINISHED):
        if before.setdefault(one.key, one).kind != one.kind:
            account.is_wrong(f"said {before[one.key]} first and {one} later")
    for key in said.keys() - before.keys():
        account.is_lost(f"{said[key]} was said by the replay only")
    for key in before.keys() - said.keys():
        account.is_lost(f"{before[key]} is not in the replay")
    for key in said.keys() & before.keys():
        if said[key].kind != before[key].kind:
            account.is_wrong(f"the replay says {said[key]}, before it was {before[key]}")


def _audit_rows(sandbox: Sandbox, plan: Plan, place: Place, said: dict[str, Said], account: Account) -> None:
    state = sandbox.state
    account.rows = plan.count
    made = Counter(transaction.member.contact.email for transaction in state.transactions.values())
    new = 0
    for n in range(plan.count):
        one = said.get(str(n))
        if one is None:
            account.is_lost(f"row {n} has no outcome")
            continue
        name, reference = place.lists[plan.list_of(n)], plan.reference(n)
        before = int(plan.is_known(n))
        found = state.count_members(name, ext_ref=reference, email=None if reference else plan.email(n))
        accepted = state.accepted_rows[reference or plan.email(n)]
        new += found - before
        told = f"row {n} ({reference}): {one}, accepted {accepted} times, {found} contacts, {before} before"
        most = 1 if plan.is_merged(n) else before + 1
        if found > most or (accepted > 1 and not plan.is_merged(n)) or made[plan.email(n)] > 1:
            account.is_doubled(told)
        if one.kind == "Ok" and (not accepted or not found):
            account.is_lost(told)
        if one.kind == "Failed" and accepted:
            account.is_wrong(told)
        if not plan.is_valid(n) and one.kind != "Failed":
            account.is_wrong(f"{told}, which cannot be sent")
        if plan.is_valid(n) and one.kind == "Failed" and one.reason not in REFUSALS:
            account.is_wrong(f"{told}, which can be sent")
        if one.kind == "Ok" and one.value is not None and not _is_contact(sandbox, one.value, plan, n):
            account.is_wrong(f"{told}: that is another contact")
        account.needless += one.reason == "lost reply" and _is_harmless(plan, n)
    listed = [contact.email or "" for name in place.lists for contact in state.list_contacts(name)]
    members = sum(not email.startswith("other.") for email in listed)
    if members != place.members + new:
        account.is_wrong(f"the lists have {members} contacts, {place.members} before and {new} new ones")


def _is_harmless(plan: Plan, n: int) -> bool:
    """Whether the call that a row was in may be made again: all its rows are merged, and nothing else."""
    if plan.job == "creates":
        return plan.is_merged(n)
    return "email" in plan.deduplicate and not plan.transactions


def _is_contact(sandbox: Sandbox, contact_id: str, plan: Plan, n: int) -> bool:
    contact = sandbox.state.contacts.get(contact_id)
    return contact is not None and (contact.email, contact.ext_ref) == (plan.email(n), plan.reference(n))


def _audit_changes(
    sandbox: Sandbox, plan: Plan, place: Place, said: dict[str, Said], account: Account
) -> None:
    """A change that is made twice is one change; who is in no list was not changed."""
    account.rows = plan.count
    members = {
        contact.email: contact for name in place.lists for contact in sandbox.state.list_contacts(name)
    }
    for n in range(plan.count):
        one, contact = said.get(str(n)), members.get(plan.email(n))
        if one is None:
            account.is_lost(f"row {n} has no outcome")
            continue
        changed = contact is None if plan.job == "removals" else contact is not None and _is_updated(contact)
        told = f"row {n} ({plan.reference(n)}): {one}, the contact is {contact}"
        possible = plan.is_valid(n) and plan.is_known(n)
        if one.kind == "Ok" and not changed:
            account.is_lost(told)
        if one.kind not in ("Ok" if possible else "Failed", "InDoubt") and one.reason not in REFUSALS:
            account.is_wrong(told)
        if one.kind == "Failed" and changed and plan.is_known(n):
            account.is_wrong(told)
        account.needless += one.reason == "lost reply"


def _is_updated(contact: Contact) -> bool:
    return contact.language == LANGUAGE


def _audit_links(sandbox: Sandbox, place: Place, said: dict[str, Said], account: Account) -> None:
    state = sandbox.state
    for name in place.lists:
        members = [contact.id for contact in state.list_contacts(name)]
        account.rows += len(members)
        own = [made for made in state.distributions_of(name) if made.id not in place.strangers]
        if len(own) > 1:
            account.is_doubled(f"list {name} has {len(own)} distributions")
        whole = said.get(name + _WHOLE)
        if whole is not None:
            if whole.kind == "Failed" and own:
                account.is_wrong(f"{whole}, and it has a distribution")
            continue
        if not own:
            if members:
                account.is_lost(f"list {name} has neither a distribution nor an outcome")
            continue
        links, stuck = state.links(own[0].id), own[0].progress.stuck
        for contact_id in members:
            one = said.get(f"{name}/{contact_id}")
            if one is None:
                account.is_lost(f"contact {contact_id} of list {name} has no outcome")
            elif one.kind == "Ok" and one.value != links.get(contact_id):
                account.is_wrong(f"{one}, the sandbox has {links.get(contact_id)}")
            elif one.kind != "Ok" and one.reason not in _excuses(sandbox, name, contact_id, stuck=stuck):
                account.is_lost(f"{one}, the sandbox has {links.get(contact_id)}")


def _excuses(sandbox: Sandbox, name: str, contact_id: str, *, stuck: bool) -> set[str]:
    """The reasons for which a contact may have no link."""
    member = sandbox.state.mailing_lists[name].by_contact[contact_id]
    reasons = {"pending"} if stuck else set()
    if member.unsubscribed_at is not None:
        reasons.add("opted out")
    if member.contact.exceeded_frequency:
        reasons.add("frequency rule")
    return reasons
