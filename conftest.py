"""Fixtures every test of the repository may use."""

pytest_plugins = ["libs.common.testing.fixtures"]
