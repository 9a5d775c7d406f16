"""`make new-service`: writes the rooms of a new service from the template beside this file."""
