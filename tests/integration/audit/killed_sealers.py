"""Kills a sealer before and after each of its database operations and writes of heads. Run as a process:
``python -m tests.integration.audit.killed_sealers URL FOLDER``; prints how many were killed.

Each try is a fork that seals five new entries in batches of two; tries go on until one survives.
"""

import asyncio
import itertools
import os
import signal
import sys
from pathlib import Path
from typing import Any

from psycopg import AsyncCursor

from desk.audit import log as audit_log
from desk.audit.heads import HeadFile
from desk.db.pool import open_pool
from tests.integration.audit.chains import log_on, write

audit_log.BATCH = 2  # type: ignore[misc]


def main(url: str, folder: Path) -> None:
    killed = 0
    for after in (False, True):
        for at in itertools.count(1):
            child = os.fork()
            if child == 0:
                status = 3
                try:
                    asyncio.run(_seal(url, folder, at=at, after=after))
                    status = 0
                finally:
                    os._exit(status)
            _, status = os.waitpid(child, 0)
            if status == 0:
                break
            if not os.WIFSIGNALED(status):
                raise RuntimeError("a sealer ended by itself")
            killed += 1
    sys.stdout.write(str(killed))


async def _seal(url: str, folder: Path, *, at: int, after: bool) -> None:
    pool = await open_pool(url, max_size=2)
    await write(pool, 5)
    moments = itertools.count(1)

    def moment(done: bool) -> None:
        if done == after and next(moments) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    execute: Any = AsyncCursor.execute
    append: Any = HeadFile.append

    async def dying_execute(self: Any, *args: Any, **kwargs: Any) -> Any:
        moment(False)
        result = await execute(self, *args, **kwargs)
        moment(True)
        return result

    def dying_append(self: Any, **kwargs: Any) -> Any:
        moment(False)
        result = append(self, **kwargs)
        moment(True)
        return result

    AsyncCursor.execute = dying_execute  # type: ignore[method-assign]
    HeadFile.append = dying_append  # type: ignore[method-assign]
    await log_on(pool, folder).seal()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
