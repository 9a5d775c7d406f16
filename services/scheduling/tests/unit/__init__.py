"""The unit tests of scheduling."""
