"""A running server with short bounds."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.http.serving import Application, Seen, serving


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def seen(application: Application) -> Seen:
    """What reached the application."""
    return application.seen


@pytest_asyncio.fixture(loop_scope="session")
async def port(application: Application) -> AsyncIterator[int]:
    async with serving(application) as found:
        yield found
