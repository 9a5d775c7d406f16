"""People, clinics, devices, sessions and codes, and the rules they keep by themselves."""
