"""Notifications: what people are told, over which channel, and whether it reached them."""
