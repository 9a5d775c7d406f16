"""The integration tests of the registry."""
