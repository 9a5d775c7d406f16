"""One package per domain service; none imports another."""
