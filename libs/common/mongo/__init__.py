"""Storage: repositories that stage writes, and `transact`, which commits them with their messages."""
