"""Staying up while something else is down: breakers, outbound HTTP, and locks that may be missing."""
