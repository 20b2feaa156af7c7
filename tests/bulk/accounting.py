"""Whether a job kept its promise: what it said, against the sandbox's own record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace
from proving import LANGUAGE, LIST_NAME, Part, Place, Plan, Said, lists_called

from qualtrics_async.sandbox import Sandbox
from qualtrics_async.sandbox.records import Distribution, Member

__all__ = ["TRACES", "UNFINISHED", "Account", "audit", "audit_journal"]

UNFINISHED = frozenset({"unreadable list"})
"""Reasons that stand for a list whose turn comes again in the next call."""

REFUSALS = frozenset({"refused by the import", "search failed"})
"""Reasons for which a row that can be sent may fail: its import job failed, or no search was answered."""

NO_LINK = frozenset({"opted out", "frequency rule", "pending", "joined later", "left", "contact not found"})
"""Reasons for which a row that went well has no link."""

TRACES = (b"@example.com", b"Q_DL=")
"""What a row and what a link leaves in a file."""

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
    for part in (*parts, whole):
        _audit_summary(part, account)
    if plan.job != "links":
        account.rows = plan.count
        for key in said.keys() - {str(n) for n in range(plan.count)}:
            account.is_wrong(f"{said[key]} is of no row")
    match plan.job:
        case "links":
            _audit_links(sandbox, place, said, account)
        case "updates" | "removals" | "opt-outs":
            _audit_changes(sandbox, plan, place, said, account)
        case "ways":
            _audit_ways(sandbox, plan, place, said, account)
        case _:
            _audit_rows(sandbox, plan, place, said, account)


def audit_journal(folder: Path, account: Account) -> None:
    """The journal of a job that is over holds no row and no link."""
    for file in folder.glob("journal.db*"):
        content = file.read_bytes()
        for trace in TRACES:
            if trace in content:
                account.is_wrong(f"{file.name} still has {trace.decode()} in it")


def _audit_summary(part: Part, account: Account) -> None:
    counted = Counter(one.kind for one in part.said) + Counter(one.reason for one in part.said if one.reason)
    if part.ended and (part.items != len(part.said) or Counter(part.counted) != counted):
        account.is_wrong(
            f"the summary has {part.items} items and {part.counted}, said were {len(part.said)}: {counted}"
        )


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


def _audit_rows(
    sandbox: Sandbox, plan: Plan, place: Place, said: Mapping[str, Said], account: Account
) -> None:
    new = 0
    made = Counter(made.member.contact.email for made in sandbox.state.transactions.values())
    for n in range(plan.count):
        one = said.get(str(n))
        if one is None:
            account.is_lost(f"row {n} has no outcome")
            continue
        new += _audit_row(sandbox, place.lists[plan.list_of(n)], n, one, account)
        if made[plan.email(n)] > 1:
            account.is_doubled(f"row {n} has {made[plan.email(n)]} transactions: {one}")
    listed = [contact.email or "" for name in place.lists for contact in sandbox.state.list_contacts(name)]
    members = sum(not email.startswith("other.") for email in listed)
    if members != place.members + new:
        account.is_wrong(f"the lists have {members} contacts, {place.members} before and {new} new ones")


def _audit_row(sandbox: Sandbox, name: str, n: int, one: Said, account: Account) -> int:
    """Whether a row became a contact as it says; what comes back is how many contacts it made."""
    plan, state = account.plan, sandbox.state
    reference = plan.reference(n)
    before = int(plan.is_known(n))
    found = state.count_members(name, ext_ref=reference, email=None if reference else plan.email(n))
    accepted = state.accepted_rows[reference or plan.email(n)]
    told = f"row {n} ({reference}): {one}, accepted {accepted} times, {found} contacts, {before} before"
    most = 1 if plan.is_merged(n) else before + 1
    if found > most or (accepted > 1 and not plan.is_merged(n)):
        account.is_doubled(told)
    if one.kind == "Ok" and (not accepted or not found):
        account.is_lost(told)
    if one.kind == "Failed" and accepted:
        account.is_wrong(told)
    if not plan.is_valid(n) and one.kind != "Failed":
        account.is_wrong(f"{told}, which cannot be sent")
    possible = plan.is_valid(n) and not plan.is_refused(n)
    if possible and one.kind == "Failed" and one.reason not in REFUSALS:
        account.is_wrong(f"{told}, which can be sent")
    contact = one.contact or one.value
    if one.kind == "Ok" and contact is not None and not _is_contact(sandbox, contact, plan, n):
        account.is_wrong(f"{told}: that is another contact")
    account.needless += one.reason == "lost reply" and _is_harmless(plan, n)
    return found - before


def _is_harmless(plan: Plan, n: int) -> bool:
    """Whether the call that a row was in may be made again: all its rows are merged, and nothing else."""
    if plan.job == "creates":
        return plan.is_merged(n)
    return "email" in plan.deduplicate and not plan.transactions


def _is_contact(sandbox: Sandbox, contact_id: str, plan: Plan, n: int) -> bool:
    contact = sandbox.state.contacts.get(contact_id)
    named = contact is not None and (contact.email, contact.ext_ref) == (plan.email(n), plan.reference(n))
    return named and contact is not None and contact.accepted > 0


def _audit_changes(
    sandbox: Sandbox, plan: Plan, place: Place, said: dict[str, Said], account: Account
) -> None:
    """A change that is made twice is one change; who is in no list was not changed."""
    members = {member.contact.email: member for name in place.lists for member in _members(sandbox, name)}
    for n in range(plan.count):
        one, member = said.get(str(n)), members.get(plan.email(n))
        if one is None:
            account.is_lost(f"row {n} has no outcome")
            continue
        changed = _is_changed(plan, member)
        told = f"row {n} ({plan.reference(n)}): {one}, the contact is {member}"
        possible = plan.is_valid(n) and plan.is_known(n)
        if one.kind == "Ok" and not changed:
            account.is_lost(told)
        if one.kind not in ("Ok" if possible else "Failed", "InDoubt") and one.reason not in REFUSALS:
            account.is_wrong(told)
        if one.kind == "Failed" and changed and plan.is_known(n):
            account.is_wrong(told)
        account.needless += one.reason == "lost reply"


def _members(sandbox: Sandbox, mailing_list_id: str) -> list[Member]:
    return sandbox.state.mailing_lists[mailing_list_id].members


def _is_changed(plan: Plan, member: Member | None) -> bool:
    if plan.job == "removals" or member is None:
        return member is None and plan.job == "removals"
    return member.unsubscribed if plan.job == "opt-outs" else member.contact.language == LANGUAGE


def _audit_ways(
    sandbox: Sandbox, plan: Plan, place: Place, said: Mapping[str, Said], account: Account
) -> None:
    """Each row is a contact of the one list of that name, and has the link of this contact."""
    state = sandbox.state
    named = [made.id for made in lists_called(sandbox, LIST_NAME)]
    if len(named) != 1:
        account.is_doubled(f"{len(named)} lists are called {LIST_NAME}")
        return
    imported = {
        key: replace(one, kind="Ok", reason="") if one.kind == "Failed" and one.reason in NO_LINK else one
        for key, one in said.items()
    }
    _audit_rows(sandbox, plan, replace(place, lists=tuple(named)), imported, account)
    for name in state.mailing_lists:
        made = _own(sandbox, name, place)
        if made and name not in named:
            account.is_wrong(f"list {name}, which is another, has a distribution")
    own = _own(sandbox, named[0], place)
    if len(own) > 1:
        account.is_doubled(f"list {named[0]} has {len(own)} distributions")
    if own and not any(one.kind in ("Ok", "InDoubt") for one in imported.values()):
        account.is_wrong(f"list {named[0]} has a distribution, and no row went well")
    ours = {member.contact.email: member for member in _members(sandbox, named[0]) if member.contact.accepted}
    for n in range(plan.count):
        one, member = said.get(str(n)), ours.get(plan.email(n))
        if one is None or member is None or imported[str(n)].kind != "Ok":
            continue
        if one.reason != "contact not found" or _is_named(sandbox, named[0], member):
            _audit_link(sandbox, one, member, own, account)


def _is_named(sandbox: Sandbox, mailing_list_id: str, member: Member) -> bool:
    """Whether a contact is the only one of its list that has its key: without a report that must find it."""
    contact = member.contact
    email = None if contact.ext_ref else contact.email
    return sandbox.state.count_members(mailing_list_id, ext_ref=contact.ext_ref, email=email) == 1


def _audit_links(sandbox: Sandbox, place: Place, said: dict[str, Said], account: Account) -> None:
    state = sandbox.state
    for name in place.lists:
        members = {member.contact.id: member for member in _members(sandbox, name)}
        _audit_target(sandbox, name, members, place, said, account=account)
    for name in place.batches:
        asked = {key: state.transactions[key].member for key in state.transaction_batches[name].added}
        _audit_target(sandbox, name, asked, place, said, account=account)


def _own(sandbox: Sandbox, name: str, place: Place) -> list[Distribution]:
    """The distributions of a list or batch that no stranger made."""
    return [made for made in sandbox.state.distributions_of(name) if made.id not in place.strangers]


def _audit_target(
    sandbox: Sandbox,
    name: str,
    members: Mapping[str, Member],
    place: Place,
    said: Mapping[str, Said],
    *,
    account: Account,
) -> None:
    """Each contact of a list, or each transaction of a batch, has its link, or a reason."""
    account.rows += len(members)
    own = _own(sandbox, name, place)
    if len(own) > 1:
        account.is_doubled(f"{name} has {len(own)} distributions")
    if own and not members:
        account.is_wrong(f"{name} has a distribution, and nobody is in it")
    whole = said.get(name + _WHOLE)
    if whole is not None:
        if whole.kind == "Failed" and own:
            account.is_wrong(f"{whole}, and it has a distribution")
        return
    if members and not own:
        account.is_lost(f"{name} has neither a distribution nor an outcome")
        return
    for key, member in members.items():
        one = said.get(f"{name}/{key}")
        if one is None:
            account.is_lost(f"{key} of {name} has no outcome")
        else:
            _audit_link(sandbox, one, member, own, account)


def _audit_link(
    sandbox: Sandbox, one: Said, member: Member, own: Sequence[Distribution], account: Account
) -> None:
    """Whether an outcome has the link of a member, or a reason that is true."""
    made = own[0] if own and member in own[0].members else None
    link = None if made is None else sandbox.state.link(made, member)
    told = f"{one}, the sandbox has {link} of {member.contact.id}"
    if one.kind == "Ok" and (one.value, one.contact) != (link, member.contact.id):
        account.is_wrong(told)
    elif one.kind != "Ok" and one.reason not in _excuses(member, own):
        account.is_lost(told)


def _excuses(member: Member, own: Sequence[Distribution]) -> set[str]:
    """The reasons for which a contact may have no link."""
    reasons = {"pending"} if any(made.progress.stuck for made in own) else set()
    if member.unsubscribed_at is not None:
        reasons.add("opted out")
    if member.contact.exceeded_frequency:
        reasons.add("frequency rule")
    return reasons
