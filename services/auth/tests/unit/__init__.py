"""The unit tests of auth."""
