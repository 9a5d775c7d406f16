"""The integration tests of scheduling."""
