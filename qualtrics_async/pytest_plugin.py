"""Fixtures for the tests of those who use this package."""
