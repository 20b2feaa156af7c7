"""Samples of the models around a directory's contacts, their transactions and the rules about them."""

from __future__ import annotations

from qualtrics_async.models import directory_contacts, frequency_rules, transaction_batches, transactions
from qualtrics_async.models._base import Model

SAMPLED: dict[type[Model], tuple[str, ...]] = {
    directory_contacts.ContactSearchResult: ("contact_search_page1", "contact_search_page2"),
    directory_contacts.DirectoryContact: ("directory_contacts",),
    directory_contacts.DirectoryContactDetails: ("directory_contact", "directory_contact_sparse"),
    directory_contacts.OptedOutContact: ("directory_contacts_opted_out",),
    directory_contacts.UnreachableContact: ("contacts_unreachable",),
    frequency_rules.FrequencyRule: ("frequency_rule", "frequency_rules"),
    transaction_batches.TransactionBatch: ("transaction_batch", "transaction_batches"),
    transactions.ContactTransaction: ("contact_transaction", "contact_transactions"),
    transactions.ContactTransactionsCreated: (
        "contact_transactions_created",
        "contact_transactions_all_created",
    ),
}
NESTED = {
    frequency_rules.FrequencyRuleLimit,
}
