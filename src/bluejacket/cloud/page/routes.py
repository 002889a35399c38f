"""The page's addresses. Whoever has signed in acts as the cloud's owner; every change asks for his word."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bluejacket.cloud.arm.account import LOCATIONS
from bluejacket.cloud.arm.cloud import LocalCloud
from bluejacket.cloud.arm.errors import CloudError
from bluejacket.cloud.arm.kind import Call
from bluejacket.cloud.compute.sizes import SIZES
from bluejacket.cloud.page import views
from bluejacket.cloud.page.create import DEFAULTS, FIELDS, Wish, create
from bluejacket.cloud.page.look import POLICY, SCRIPT, STYLE
from bluejacket.cloud.page.session import COOKIE, SESSION_S, Session, Sessions
from bluejacket.cloud.page.templates import PAGES

ACTIONS = ("start", "restart", "powerOff", "deallocate")
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_FORM = 1 << 16  # bytes of a form
View = Callable[[Request, Session], Response]


class _Pages:
    """The handlers, which run in threads of their own."""

    def __init__(self, cloud: LocalCloud, sessions: Sessions) -> None:
        self._cloud = cloud
        self._sessions = sessions

    def page(
        self, template: str, request: Request, session: Session | None, status: int = 200, **more: Any
    ) -> Response:
        """Give a page."""
        text = PAGES.get_template(template).render(
            session=session, here=request.url.path, base=self._cloud.base, **more
        )
        return HTMLResponse(text, status, _HEADERS)

    def signed_in(self, view: View) -> Callable[[Request], Awaitable[Response]]:
        """Have a handler called only for somebody who has signed in, and tell what goes wrong."""

        @functools.wraps(view)
        async def answer(request: Request) -> Response:
            session = self._sessions.of(request.cookies.get(COOKIE, ""))
            if session is None:
                told = "This page is for the cloud's owner."
                return self.page("sign-in", request, None, 401, title="Sign in", told=told)
            try:
                if request.method == "POST":
                    await self._check(request, session)
                return await run_in_threadpool(view, request, session)
            except CloudError as error:
                title = "Not found" if error.status == 404 else "That was refused"
                return self.page("wrong", request, session, error.status, title=title, told=error.message)

        return answer

    async def _check(self, request: Request, session: Session) -> None:
        """Keep a form for its view; raises CloudError when it is too large or lacks the session's word."""
        if int(request.headers.get("content-length", "0")) > _FORM:
            raise CloudError(413, "RequestContentTooLarge", "The form is too large.")
        async with request.form(max_files=0, max_fields=20) as form:
            request.state.form = {key: str(value) for key, value in form.items()}
        if not self._sessions.fits(session, request.state.form.get("word", "")):
            told = "The form is not from this page, or too old: go back and try again."
            raise CloudError(403, "Forbidden", told)

    async def enter(self, request: Request) -> Response:
        """Take a link, and give the cookie."""
        cookie = await run_in_threadpool(self._sessions.enter, request.query_params.get("link", ""))
        if cookie is None:
            told = "This link was used already, or its time is over."
            return self.page("sign-in", request, None, 403, title="Sign in", told=told)
        # A page of our own leads on: the browser holds back a strict cookie on a redirect from elsewhere.
        answer = self.page("entered", request, None)
        answer.set_cookie(
            COOKIE, cookie, max_age=SESSION_S, path="/", secure=True, httponly=True, samesite="strict"
        )
        return answer

    def machines(self, request: Request, session: Session) -> Response:
        """Show all groups and machines."""
        groups = views.groups(self._cloud)
        return self.page("machines", request, session, groups=groups, seen=views.seen(groups))

    def state(self, request: Request, session: Session) -> Response:
        """Give the word that changes when the list does."""
        return JSONResponse({"seen": views.seen(views.groups(self._cloud))}, headers=_HEADERS)

    def machine(self, request: Request, session: Session) -> Response:
        """Show one machine."""
        vm = self._machine(request)
        text, following = views.log(self._cloud, vm, None)
        return self.page(
            "machine", request, session, vm=vm, text=text, next=following, seen=views.seen(vm), told=""
        )

    def machine_state(self, request: Request, session: Session) -> Response:
        """Give the word that changes when the machine does."""
        return JSONResponse({"seen": views.seen(self._machine(request))}, headers=_HEADERS)

    def machine_log(self, request: Request, session: Session) -> Response:
        """Give what the console wrote since then."""
        start = request.query_params.get("from", "0")
        text, following = views.log(self._cloud, self._machine(request), int(start) if start.isdigit() else 0)
        return JSONResponse({"text": text, "next": following}, headers=_HEADERS)

    def act(self, request: Request, session: Session) -> Response:
        """Begin an action on a machine."""
        vm, action = self._machine(request), request.path_params["action"]
        if action not in ACTIONS:
            raise CloudError(404, "NotFound", f"There is no action '{action}'.")
        self._cloud.begin_action(Call(vm.id, self._cloud.account.user), action)
        return RedirectResponse(vm.path, 303, _HEADERS)

    def images(self, request: Request, session: Session) -> Response:
        """Show what machines can be made of."""
        market, galleries = views.market(self._cloud), views.galleries(self._cloud)
        return self.page("images", request, session, market=market, galleries=galleries)

    def new(self, request: Request, session: Session) -> Response:
        """Show the form for a new machine, or begin to make it."""
        if request.method == "GET":
            form = DEFAULTS | {"image": request.query_params.get("image", "")}
            return self._form(request, session, form)
        form = request.state.form
        try:
            wish = Wish.of(form)
            operation = create(self._cloud, wish, self._cloud.account.user)
        except CloudError as error:
            return self._form(request, session, form, error.message, error.status)
        where = f"/page/making/{quote(wish.group)}/{quote(wish.name)}/{operation}"
        return RedirectResponse(where, 303, _HEADERS)

    def making(self, request: Request, session: Session) -> Response:
        """Show how far the making of a machine is."""
        state, told, machine = self._making(request)
        vm, group = request.path_params["name"], request.path_params["group"]
        return self.page(
            "making",
            request,
            session,
            vm=vm,
            group=group,
            state=state,
            told=told,
            machine=machine,
            path=request.url.path,
            seen=views.seen(state, told, machine),
        )

    def making_state(self, request: Request, session: Session) -> Response:
        """Give the word that changes when that does."""
        return JSONResponse({"seen": views.seen(*self._making(request))}, headers=_HEADERS)

    def _making(self, request: Request) -> tuple[str, str, str]:
        """Give the operation's state, what went wrong, and where the machine is, once it has a record."""
        state, told = views.making(self._cloud, request.path_params["operation"])
        try:
            machine = self._machine(request).path
        except CloudError:
            machine = ""
        return state, told, machine

    def _machine(self, request: Request) -> views.Machine:
        return views.need_machine(self._cloud, request.path_params["group"], request.path_params["name"])

    def _form(
        self, request: Request, session: Session, form: dict[str, str], told: str = "", status: int = 200
    ) -> Response:
        filled = {field: form.get(field, "") for field in FIELDS}
        return self.page(
            "new",
            request,
            session,
            status,
            form=filled,
            told=told,
            images=[*views.market(self._cloud), *views.galleries(self._cloud)],
            groups=[one.name for one in views.groups(self._cloud)],
            locations=list(LOCATIONS.items()),
            sizes=[
                (one.name, f"{one.name}: {one.cpus} CPU, {one.memory_mib / 1024:g} GiB")
                for one in SIZES.values()
            ],
        )


def page_routes(cloud: LocalCloud, sessions: Sessions) -> Sequence[BaseRoute]:
    """Give the page's routes; `sessions` makes the links that sign in."""
    pages = _Pages(cloud, sessions)

    def static(text: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(_request: Request) -> Response:
            return Response(text, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})

        return answer

    machine, making = "/page/machines/{group}/{name}", "/page/making/{group}/{name}/{operation}"
    return [
        Route("/", pages.signed_in(pages.machines), methods=["GET"]),
        Route("/page/enter", pages.enter, methods=["GET"]),
        Route("/page/style.css", static(STYLE, "text/css"), methods=["GET"]),
        Route("/page/script.js", static(SCRIPT, "text/javascript"), methods=["GET"]),
        Route("/page/state", pages.signed_in(pages.state), methods=["GET"]),
        Route("/page/images", pages.signed_in(pages.images), methods=["GET"]),
        Route("/page/new", pages.signed_in(pages.new), methods=["GET", "POST"]),
        Route(machine, pages.signed_in(pages.machine), methods=["GET"]),
        Route(f"{machine}/state", pages.signed_in(pages.machine_state), methods=["GET"]),
        Route(f"{machine}/log", pages.signed_in(pages.machine_log), methods=["GET"]),
        Route(f"{machine}/{{action}}", pages.signed_in(pages.act), methods=["POST"]),
        Route(making, pages.signed_in(pages.making), methods=["GET"]),
        Route(f"{making}/state", pages.signed_in(pages.making_state), methods=["GET"]),
    ]
