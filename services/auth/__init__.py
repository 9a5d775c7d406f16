"""Auth & Identity: who somebody is, from which device, and for how long we believe it."""
