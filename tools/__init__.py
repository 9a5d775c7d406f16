"""What a developer runs: the platform, its tests, checks, demo data, and a new service."""
