"""The tests; a package, so that the fixtures of all of them and those of a folder have two names."""
