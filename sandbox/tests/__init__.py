"""Tests of the look-alikes: in process where that is enough, over real sockets where the wire matters."""
