"""The unit tests of audit."""
