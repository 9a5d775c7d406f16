"""`make test`: every check and every test of the checkout, stage by stage, on real parts of its own."""
