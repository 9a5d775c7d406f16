"""Patients, names and consents, and their rules."""
