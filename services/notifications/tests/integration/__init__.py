"""The integration tests of notifications."""
