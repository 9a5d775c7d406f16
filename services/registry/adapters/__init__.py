"""What the registry asks of other services: which clinics there are."""
