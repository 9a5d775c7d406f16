"""The unit tests of notifications."""
