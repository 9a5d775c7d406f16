"""The vocabulary services share: roles, and one module of events per publisher."""
