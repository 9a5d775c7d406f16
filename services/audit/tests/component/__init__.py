"""The component tests of audit."""
