"""The HTTP edge of a service: the app factory and what endpoints take from it."""
