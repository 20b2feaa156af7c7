"""Who a link is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from qualtrics_async.bulk.targets import Target, TargetKind
from qualtrics_async.models.distributions import DistributionLink

__all__ = ["Recipient"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """The item of an outcome: a contact of a mailing list, or of a transaction, who is to have a link.

    `transaction_batch_id` stands in the place of `mailing_list_id` where the distribution is that of a batch.
    `contact_id` and `transaction_id` are both None where an outcome stands for the whole list or batch: its
    distribution was refused, its fate is unknown, or its members could not be read.
    """

    mailing_list_id: str | None
    distribution_id: str | None = None
    contact_id: str | None = None
    contact_lookup_id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    external_data_reference: str | None = None
    transaction_batch_id: str | None = None
    transaction_id: str | None = None

    @property
    def stands_for_all(self) -> bool:
        """Whether the outcome concerns the whole list or batch."""
        return self.contact_id is None and self.transaction_id is None

    @classmethod
    def of(cls, target: Target, **known: Any) -> Self:
        """Make one of a list or batch."""
        if target.kind is TargetKind.LIST:
            return cls(target.name, target.job, **known)
        return cls(None, target.job, transaction_batch_id=target.name, **known)

    @classmethod
    def of_link(cls, link: DistributionLink, target: Target) -> Self:
        """Make the one whose link it is."""
        return cls.of(
            target,
            contact_id=link.contact_id,
            contact_lookup_id=link.contact_lookup_id,
            email=link.email,
            first_name=link.first_name,
            last_name=link.last_name,
            external_data_reference=link.external_data_reference,
            transaction_id=link.transaction_id,
        )
