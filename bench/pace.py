"""How long a run takes: a whole one for figures to quote, a quick one to see that nothing has gone wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """`rounds` are interleaved where two things are compared; `seconds` is one round of load, `operations` one of a
    raw part; `lasting` is how long a load lasts whose latencies are judged."""

    rounds: int
    seconds: float
    operations: int
    lasting: float


WHOLE = Pace(rounds=5, seconds=5.0, operations=2_000, lasting=20.0)
QUICK = Pace(rounds=2, seconds=1.5, operations=500, lasting=5.0)
