"""The registry worker: `python -m services.registry.worker`."""

from libs.common.service_worker import work
from libs.contracts.catalog import inboxes
from services.registry.bootstrap import registry
from services.registry.consumers.subscriptions import SUBSCRIPTIONS
from services.registry.jobs.schedule import schedule

if __name__ == "__main__":
    work(registry, subscribers=inboxes(), table=SUBSCRIPTIONS, schedule=schedule)
