"""The scheduling worker: `python -m services.scheduling.worker`."""

from libs.common.service_worker import work
from libs.contracts.catalog import inboxes
from services.scheduling.bootstrap import scheduling
from services.scheduling.consumers.subscriptions import SUBSCRIPTIONS
from services.scheduling.jobs.schedule import schedule

if __name__ == "__main__":
    work(scheduling, subscribers=inboxes(), table=SUBSCRIPTIONS, schedule=schedule)
