"""The component tests of auth."""
