"""The unit tests of the registry."""
