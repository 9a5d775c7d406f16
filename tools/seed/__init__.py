"""Creates a clinic to play with, through the public API."""
