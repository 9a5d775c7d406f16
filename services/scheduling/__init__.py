"""Scheduling: when a doctor can be seen, and who has which time."""
