"""The component tests of the registry."""
