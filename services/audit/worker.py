"""The audit worker: `python -m services.audit.worker`."""

from libs.common.service_worker import work
from libs.contracts.catalog import inboxes
from services.audit.bootstrap import audit
from services.audit.consumers.chain_order import in_order
from services.audit.consumers.subscriptions import ENTRIES, SUBSCRIPTIONS
from services.audit.jobs.schedule import schedule

if __name__ == "__main__":
    work(audit, subscribers=inboxes(), table=SUBSCRIPTIONS, also=ENTRIES, schedule=schedule, delivery=in_order)
