"""The component tests of scheduling."""
