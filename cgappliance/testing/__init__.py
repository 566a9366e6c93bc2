"""Shipped for plugin authors and our own tests: contract tests, the Gmail look-alike, the lab of real servers."""
