"""Both logs in one consumer group: the facts and decisions of a poll are kept in one transaction."""

from typing import Final

from services.audit.append.ledger import Ledger, TreeState
from services.audit.settings import Settings
from shared.inbox.garbage import GarbagePacer
from shared.inbox.log_inbox import LogInbox
from shared.kafka.polling import Polling
from shared.service.resources import Resources

GROUP: Final = "rahnama.audit"


def read_logs(
    settings: Settings, ledger: Ledger, resources: Resources, pacer: GarbagePacer
) -> LogInbox[TreeState]:
    """The inbox that feeds `ledger`; not yet started."""
    return LogInbox(
        resources.kafka,
        f"{settings.topic_prefix}{GROUP}",
        settings.log_topics,
        ledger.load,
        ledger.apply,
        ledger.hashes,
        resources.pool,
        polling=Polling(settings.batch_records, settings.poll_seconds, settings.session_timeout_seconds),
        pacer=pacer,
    )
