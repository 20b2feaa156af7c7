"""The operations: one file and one class a group."""
