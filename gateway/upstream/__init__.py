"""HTTP/1.1 towards the services: a pooled, streaming client that never holds a body."""
