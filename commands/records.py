"""What commands beside a server open: the database and the secret, without models, index or turns."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from commands.logs import start_logging
from desk.audit.heads import HeadFile
from desk.audit.log import AuditLog
from desk.config.secret import installation_secret, is_demo
from desk.config.settings import Settings, load_settings
from desk.db.pool import Pool, open_pool
from desk.identity.staff import StaffStore
from desk.policies.loader import load_pack, resolve_pack
from desk.rollout.switches import SwitchStore
from graph.database import open_database


@dataclass(frozen=True, kw_only=True)
class Records:
    """The installation's records, open. A server may run on them at the same time."""

    settings: Settings
    pool: Pool
    secret: bytes

    def audit(self) -> AuditLog:
        return AuditLog(self.pool, heads=HeadFile(path=self.settings.audit_heads_file, secret=self.secret))

    def staff(self) -> StaffStore:
        return StaffStore(self.pool, secret=self.secret)

    def switches(self) -> SwitchStore:
        return SwitchStore(self.pool, policies=load_pack(resolve_pack(self.settings.pack)))


@asynccontextmanager
async def open_records() -> AsyncIterator[Records]:
    """The records of this environment's settings; what was written is sealed at the end."""
    start_logging(level=logging.CRITICAL)  # what goes wrong is the command's to say, in one sentence
    settings = load_settings()
    secret = installation_secret(settings, demo=is_demo(settings))
    async with AsyncExitStack() as stack:
        url = await open_database(settings, stack)
        pool = await open_pool(url, max_size=4)
        stack.push_async_callback(pool.close)
        records = Records(settings=settings, pool=pool, secret=secret)
        yield records
        await records.audit().close()
