"""Sessions over REST: who is asking, signing in with a password, signing out, and the first user of all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response, status
from pydantic import BaseModel, Field

from walkaround.errors import AccessDeniedError, ConflictError, ValidationError
from walkaround.store.keys import Role
from walkaround.store.passwords import LONGEST
from walkaround.store.sessions import csrf_of
from walkaround.store.users import find_user, make_first_user, new_digest, set_password
from walkaround.web.audit import tell
from walkaround.web.callers import Caller, UnknownCallerError
from walkaround.web.cookies import Headers, check_own_page, device_token, drop_session, session_token, set_device, set_session
from walkaround.web.rest.access import Reader, Visit
from walkaround.web.rest.entrance import perhaps_caller_of
from walkaround.web.rest.people.users import NewPassword, Password, UserName
from walkaround.web.rest.shapes import NO_NUL, Strict
from walkaround.web.service import Service
from walkaround.web.sessions import Begun

router = APIRouter(tags=["session"])

_NOWHERE = "unknown"


class Session(BaseModel):
    """Who is asking, and what they may do."""

    user: str | None = Field(
        description="The name of the person who is signed in; null for a program with a key, and for nobody."
    )
    key_id: str | None = Field(description="What stands for the caller in the log: an access key, user:NAME, or keyless.")
    role: Role | None = Field(description="What the caller may do: read, detect, manage or admin; null for nobody.")
    account: str | None = Field(description="The account whose projects are shown; null for nobody.")
    csrf: str | None = Field(description="To be sent as the header X-CSRF-Token with each change made in this session.")
    ends: datetime | None = Field(description="When the session ends at the latest; sooner where it is not used.")
    setup: bool = Field(description="Whether the service waits for its first user.")
    keyless: bool = Field(description="Whether the server asks nobody who they are.")


class SignIn(Strict):
    """A name and its password."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=200, pattern=NO_NUL, description="The user's name; large and small letters are alike."),
    ]
    password: Annotated[str, Field(min_length=1, max_length=LONGEST * 4, description="The user's password.")]


class FirstUser(Strict):
    """The administrator to make of whoever has the link that the server printed."""

    token: Annotated[str, Field(min_length=1, max_length=200, description="What follows # in the link.")]
    name: UserName
    password: Password


class ChangedPassword(NewPassword):
    """Another password for oneself."""

    current: Annotated[str, Field(min_length=1, max_length=LONGEST * 4, description="The password up to now.")]


class Done(BaseModel):
    """It was done."""

    status: Literal["done"] = Field(default="done", description="Always done.")


@router.get("/session")
def describe_session(request: Request, response: Response) -> Session:
    """Tell who is asking; nobody who is signed in is no error, so that a page can find out what to show.

    A browser needs the token that this tells for every change: see the header X-CSRF-Token.
    """
    service, headers = _service(request), _headers(request)
    caller = perhaps_caller_of(request)
    if caller is None and service.settings.keyless:
        raise UnknownCallerError("Without a key only programs on this machine are answered, by a loopback address.")
    return _told(service, response, caller, token=None if service.settings.keyless else session_token(headers))


@router.post("/session", status_code=status.HTTP_201_CREATED)
def sign_in(request: Request, response: Response, given: SignIn) -> Session:
    """Sign in: the answer sets the cookie of a new session, and the one that the browser had ends.

    Ten wrong passwords from one place for one name have to wait some minutes; a browser that has signed in before is counted
    alone, so that nobody is locked out by the tries of others.
    """
    service, headers = _service(request), _headers(request)
    _check_asked_for(service)
    check_own_page(headers)
    made = service.sessions.begin(
        name=given.name.strip(),
        password=given.password,
        address=_address(request),
        device=device_token(headers),
        former=session_token(headers),
    )
    return _begun(service, headers, response, made)


@router.delete("/session", status_code=status.HTTP_200_OK)
def sign_out(request: Request, response: Response, visit: Reader) -> Done:
    """Sign out: the session is worth nothing any more, wherever its cookie is."""
    headers = _headers(request)
    token = _own_session(visit, headers)
    visit.service.sessions.end(token)
    drop_session(response, headers)
    response.headers["Cache-Control"] = "no-store"
    return Done()


@router.post("/session/password")
def change_password(request: Request, response: Response, visit: Reader, new: ChangedPassword) -> Session:
    """Give oneself another password; all of one's sessions end, and a new one begins for the browser that asked."""
    service, headers = visit.service, _headers(request)
    _own_session(visit, headers)
    name = visit.caller.user or ""
    digest = _digest(service, new.password, name=name)
    if not service.sessions.is_password_of(name, new.current, address=_address(request)):
        raise ValidationError("The current password is wrong: type the one that you sign in with.")
    with service.database.transaction() as session:
        set_password(session, find_user(session, name), digest)
    service.sessions.forget()
    tell("A user changed the password.", user=name, address=_address(request))
    return _begun(service, headers, response, service.sessions.begin_again(name))


@router.post("/setup", status_code=status.HTTP_201_CREATED)
def set_up(request: Request, response: Response, new: FirstUser) -> Session:
    """Make the first user, an administrator, with the link that `walkaround serve` printed, and sign in as that user."""
    service, headers = _service(request), _headers(request)
    _check_asked_for(service)
    check_own_page(headers)
    if not service.setup.needed():
        raise ConflictError(
            "The service is set up already: sign in, or ask its administrator for a user.",
            resource_id="setup",
            resource_type="USER",
        )
    if not service.setup.opens(new.token):
        raise AccessDeniedError(
            "This link is not the one that the server printed last, and each start prints a new one: "
            "look at the last lines of its terminal, or run `walkaround users make`."
        )
    digest = _digest(service, new.password, name=new.name)
    with service.database.transaction() as session:
        user = make_first_user(session, name=new.name, digest=digest, account=service.settings.account)
    service.setup.finish()
    tell("The first user was made.", user=user.name, address=_address(request))
    return _begun(service, headers, response, service.sessions.begin_again(user.name))


def _begun(service: Service, headers: Headers, response: Response, made: Begun) -> Session:
    set_session(response, headers, made.token, longest=service.sessions.longest)
    set_device(response, headers, made.device)
    return _told(service, response, service.sessions.seated(made.token), token=made.token)


def _told(service: Service, response: Response, caller: Caller | None, *, token: str | None) -> Session:
    response.headers["Cache-Control"] = "no-store"
    known = caller is not None and caller.user is not None and token is not None
    return Session(
        user=caller.user if caller else None,
        key_id=caller.key_id if caller else None,
        role=caller.role if caller else None,
        account=caller.owner.account if caller else None,
        csrf=csrf_of(token) if known and token else None,
        ends=service.sessions.ends(token) if known and token else None,
        setup=not service.settings.keyless and service.setup.needed(),
        keyless=service.settings.keyless,
    )


def _digest(service: Service, password: str, *, name: str) -> str:
    with service.sessions.turn():
        return new_digest(password, name=name)


def _check_asked_for(service: Service) -> None:
    if service.settings.keyless:
        raise ConflictError(
            "This server asks nobody who they are: start it without --keyless to have users sign in.",
            resource_id="session",
            resource_type="USER",
        )


def _own_session(visit: Visit, headers: Headers) -> str:
    token = session_token(headers)
    if visit.caller.user is None or token is None:
        raise ValidationError("This is about a session in a browser, and the request was sent without one.")
    return token


def _headers(request: Request) -> Headers:
    return {name: value.decode("latin-1") for name, value in request.scope["headers"]}


def _address(request: Request) -> str:
    return request.client.host if request.client else _NOWHERE


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
