"""The web application: everything handed in, nothing read at import."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

from fastapi import Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.accounts import presence
from api.accounts.routes import (
    account_api,
    own_api,
    own_pages,
    people_pages,
    reset_api,
    reset_pages,
    sign_in_pages,
)
from api.core.audit import Act
from api.core.clock import Boot, Now, boot_ns, utc_now
from api.core.errors import ApiError
from api.core.logs import RequestLog
from api.core.rate_limits import Rate, Refusals
from api.core.service import Service, open_service
from api.core.settings import Settings
from api.devices.routes import device_api, device_pages, unit_routes
from api.hits.alerting import alert_queue
from api.hits.alerting.alert_queue import Messenger
from api.hits.routes import alert_pages, queue_events, review_api, review_pages
from api.lists.publisher import Publisher
from api.lists.routes import import_pages, list_api, list_pages, proposal_api, signing_pages
from api.oversight.routes import oversight_api, oversight_pages
from api.upkeep import Sweeper
from api.web import health, openapi, problems
from api.web.department_time import DepartmentTime
from api.web.deps import address_of
from api.web.here import Here
from api.web.security import PEOPLES_BODY, BodyLimit, Faults, KnownHosts, SameSite, SecurityHeaders
from protocol.messages import HEARTBEAT_PATH, HITS_PATH

_STATIC: Final = Path(__file__).parents[1] / "static"
_PAGES: Final = (
    sign_in_pages,
    review_pages,
    queue_events,
    list_pages,
    import_pages,
    signing_pages,
    device_pages,
    people_pages,
    alert_pages,
    oversight_pages,
    own_pages,
    reset_pages,
    review_api,
    list_api,
    proposal_api,
    device_api,
    account_api,
    own_api,
    reset_api,
    oversight_api,
    health,
)
_DESCRIPTION: Final = (
    "Receives sealed hits from enrolled devices, lets people review them, and lets go of them. "
    "Requests of devices are signed with RFC 9421; see docs/service.md. "
    "There is no route that exports in bulk, shares, or searches plates seen."
)


def create_app(
    settings: Settings, now: Now = utc_now, boot: Boot = boot_ns, *, background: bool = True
) -> FastAPI:
    """Return the application.

    Args:
        settings: checked settings.
        now: the clock.
        boot: the clock that never steps.
        background: whether to run retention and alerts in threads; a test with a clock of its own does not.

    Raises:
        StateError: the state folder or the database cannot be used.
    """
    service = open_service(settings, now, boot)
    alert_queue.drop_unknown(service)
    alerts = (Messenger(service, target) for target in settings.alerts)
    workers: tuple[Sweeper | Publisher | Messenger, ...] = (Sweeper(service), Publisher(service), *alerts)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(presence.record_setting, service)
        if background:
            for worker in workers:
                worker.start()
        yield
        for worker in workers:
            await run_in_threadpool(worker.stop)
        service.close()

    app = FastAPI(
        title="hitonly",
        version="1",
        description=_DESCRIPTION,
        openapi_url="/v1/openapi.json",
        generate_unique_id_function=openapi.operation_id,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.watchers = queue_events.Watchers()
    app.state.sign_in_rate = Rate(service, "sign-in", settings.limits.sign_in_per_minute)
    app.state.link_rate = Rate(service, "link", settings.limits.sign_in_per_minute)
    app.state.public_rate = Rate(service, "public", settings.limits.device_per_minute)
    app.state.refusals = Refusals(service, settings.limits.refused_per_minute)
    problems.install(app)
    sign_in_pages.install(app)
    device_rate = Rate(service, "device", settings.limits.device_per_minute)

    def limited(request: Request) -> None:
        device_rate.take(address_of(request))

    app.include_router(unit_routes.router, dependencies=[Depends(limited)])
    for module in _PAGES:
        app.include_router(module.router)
    openapi.describe(app, settings.url)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")

    _surround(app, service)
    return app


def _surround(app: FastAPI, service: Service) -> None:
    """Put the ASGI classes around the application; the last one added sees a request first."""
    settings = service.settings
    known = _first_parts((unit_routes, *_PAGES))

    async def refused(scope: Scope, problem: ApiError) -> None:
        """Record a refusal under the first part of its path: the rest can be a one-time token."""
        request = Request(scope)
        part = request.url.path.strip("/").split("/")[0]
        act = Act("nobody", "request.refuse", f"/{part}" if part in known else "", result=problem.slug)
        await run_in_threadpool(app.state.refusals.record, address_of(request), act)

    app.add_middleware(
        BodyLimit,
        limit=settings.limits.body,
        large=frozenset({HITS_PATH, HEARTBEAT_PATH}),
        others=PEOPLES_BODY,
        streamed=import_pages.PATHS,
        refused=refused,
    )
    app.add_middleware(SameSite, refused=refused)
    if settings.tls.mode == "off":
        app.add_middleware(KnownHosts, hosts=settings.hosts, refused=refused)
    app.add_middleware(DepartmentTime, zone=settings.zone)
    app.add_middleware(Here)
    app.add_middleware(Faults)
    app.add_middleware(SecurityHeaders, secure=settings.url.startswith("https://"))
    app.add_middleware(RequestLog)
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))


def _first_parts(modules: Iterable[ModuleType]) -> frozenset[str]:
    """Return the first part of every route's path."""
    paths = (route.path for module in modules for route in module.router.routes)
    return frozenset(path.strip("/").split("/")[0] for path in paths)
