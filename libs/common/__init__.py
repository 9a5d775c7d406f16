"""The platform kernel: every mechanism a service needs, and not one clinic noun."""
