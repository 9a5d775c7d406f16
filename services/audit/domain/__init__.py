"""The record and its chain; no database, no network."""
