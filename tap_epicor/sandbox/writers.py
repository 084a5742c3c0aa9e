"""Long transactions: writers that take their revisions at once, and commit later, in another order."""

from __future__ import annotations

import asyncio
import sqlite3
from random import Random
from typing import TYPE_CHECKING

import msgspec
from starlette.concurrency import run_in_threadpool

from tap_epicor.sandbox import model
from tap_epicor.sandbox.changes import Changes, Demand
from tap_epicor.sandbox.locks import Locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_epicor.sandbox.database import Database
    from tap_epicor.sandbox.locks import Held


class Plan(Demand, kw_only=True):
    """What writers are to do; each of them makes the changes that the demand names.

    Args:
        writers: How many there are.
        over: In how many seconds they begin, at random.
        shortest: Seconds from the least time between a writer's beginning and its commit.
        longest: Seconds to the most.
    """

    writers: int = 1
    over: float = 0.0
    shortest: float = 0.0
    longest: float = 5.0


class Tally(msgspec.Struct):
    """How far writers have come.

    Args:
        waiting: Those that have not begun.
        open: Those that have taken revisions and not committed.
        committed: Those that have committed.
        failed: What befell the others.
    """

    waiting: int = 0
    open: int = 0
    committed: int = 0
    failed: list[str] = []


class Writers:
    """The writers of one server.

    Args:
        database: Where they write.
        user_moves: Tells whether an edit of `_c` columns alone moves SysRevID.
    """

    def __init__(self, database: Database, user_moves: Callable[[], bool]) -> None:
        self.locks = Locks()
        self.tally = Tally()
        self._database = database
        self._user_moves = user_moves
        self._tasks: set[asyncio.Task[None]] = set()
        self._hurry = asyncio.Event()

    def start(self, plan: Plan) -> None:
        """Lets writers begin in the background."""
        rng = Random(plan.seed)  # noqa: S311 - believable, not secret
        for _ in range(plan.writers):
            times = rng.uniform(0, plan.over), rng.uniform(plan.shortest, plan.longest)
            demand = msgspec.structs.replace(plan, seed=rng.randrange(2**31))
            task = asyncio.create_task(self._write(demand, *times))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def commit(self) -> None:
        """Lets all of them commit now."""
        self._hurry.set()
        await asyncio.gather(*self._tasks)
        self._hurry = asyncio.Event()

    async def abandon(self) -> None:
        """Rolls all of them back, as a restore of the database does."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await run_in_threadpool(self._forget)

    async def _write(self, demand: Demand, begins: float, lasts: float) -> None:
        try:
            held = await self._begun(demand, begins)
            self.tally.open += 1
            try:
                await self._sleep(lasts)
                await run_in_threadpool(self._commit, held)
            finally:
                self.tally.open -= 1
        except sqlite3.Error as error:
            self.tally.failed.append(f"{type(error).__name__}: {error}")
        else:
            self.tally.committed += 1

    async def _begun(self, demand: Demand, begins: float) -> Held:
        self.tally.waiting += 1
        try:
            await self._sleep(begins)
            return await run_in_threadpool(self._begin, demand)
        finally:
            self.tally.waiting -= 1

    async def _sleep(self, seconds: float) -> None:
        """Waits, or not when all are to commit."""
        try:
            await asyncio.wait_for(self._hurry.wait(), seconds)
        except TimeoutError:
            return

    def _begin(self, demand: Demand) -> Held:
        with self._database.transaction() as connection:
            return Changes(connection, model.load(), self.locks, user_moves=self._user_moves()).hold(demand)

    def _commit(self, held: Held) -> None:
        with self._database.transaction() as connection:
            try:
                for sql, values in held.writes:
                    connection.execute(sql, values)
            finally:
                self.locks.release(held)

    def _forget(self) -> None:
        with self._database.transaction():
            self.locks.clear()
