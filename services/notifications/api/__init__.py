"""The HTTP face of notifications."""
