"""The auth worker: `python -m services.auth.worker`."""

from libs.common.service_worker import work
from libs.contracts.catalog import inboxes
from services.auth.bootstrap import auth
from services.auth.jobs.schedule import schedule

if __name__ == "__main__":
    work(auth, subscribers=inboxes(), schedule=schedule)
