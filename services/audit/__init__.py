"""Audit & Compliance: the record of who did what, which nobody can change unnoticed."""
