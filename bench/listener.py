"""A service that does nothing but listen: how long after a booking have others handled its event?

`python -m bench.listener` is a worker as every service has one; when it is told to stop it writes the lags, in
milliseconds, as JSON to the file named by BENCH_LAGS.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.stage import LAGS_FILE
from libs.common.messaging.consumer import Deliver, Handler
from libs.common.messaging.events import Envelope, Event
from libs.common.mongo.tx import Tx
from libs.common.runtime import Runtime
from libs.common.service_worker import deliver_to, work
from libs.common.settings import ServiceSettings
from libs.contracts.scheduling import AppointmentConfirmed


async def on_confirmed(_event: AppointmentConfirmed, _tx: Tx) -> None:
    """Nothing to do; that it was done once is on record all the same."""


def listen() -> list[float]:
    """Handle events until told to stop; the time from each event to the commit of its handling."""
    lags: list[float] = []

    def timed(runtime: Runtime[Any]) -> Deliver:
        deliver = deliver_to(runtime)

        async def handle(handler: Handler, payload: Event | Envelope, envelope: Envelope) -> None:
            await deliver(handler, payload, envelope)
            lags.append((datetime.now(UTC) - envelope.occurred_at).total_seconds() * 1000)

        return handle

    settings = ServiceSettings(service_name="listener")
    work(
        lambda: Runtime(settings, make_tx=Tx, documents=()),
        subscribers=(),
        table={AppointmentConfirmed: on_confirmed},
        delivery=timed,
    )
    return lags


if __name__ == "__main__":
    Path(os.environ[LAGS_FILE]).write_text(json.dumps(listen()))
