"""The integration tests of auth."""
