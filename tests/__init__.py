"""Tests of the platform as a whole."""
