"""The one door from outside: who may pass, how much, to which service; it knows no clinic rule and stores nothing."""
