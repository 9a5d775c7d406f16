"""Plays a clinic's day through the gateway, for people and as a report."""
