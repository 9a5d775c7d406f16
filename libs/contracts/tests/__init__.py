"""The vocabulary holds: no event changes its meaning under those who read it."""
