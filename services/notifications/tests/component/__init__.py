"""The component tests of notifications."""
