"""Generates what the code already knows: the event catalogue, its AsyncAPI document, schema snapshots."""
