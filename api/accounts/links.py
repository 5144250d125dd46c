"""One-time links: the second factor's seed is made when a link is first shown, and only that browser goes on.

Whoever sees a link later sees nothing, and that they looked is recorded. So a seed has one holder: a person who
finds that their link was opened by somebody else asks for a new one, and no account was made with the old one.
"""

import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from api.accounts import codes, credentials
from api.core import audit
from api.core.audit import Act
from api.core.errors import LinkTakenError
from api.core.service import Service
from api.db.models import InvitationRow

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Begun:
    """What the browser that began a link holds: the seed, and the token of its cookie."""

    secret: str = field(repr=False)
    browser: str = field(repr=False)


def begin(service: Service, session: Session, link: InvitationRow, browser: str, target: str = "") -> Begun:
    """Return the seed to the browser that shows the link first, and to nobody else.

    Args:
        service: the service.
        session: a transaction; the link is locked in it.
        link: an open link.
        browser: the token of the asker's cookie, or empty; a browser keeps one for every link it opens.
        target: whose account it is, for the log.

    Raises:
        LinkTakenError: another browser has begun.
    """
    if link.browser is not None:
        check(link, browser)
        return Begun(_secret(service, link), browser)
    mine = browser if _TOKEN.fullmatch(browser) else codes.new_token()
    secret = credentials.new_totp_secret()
    link.browser = codes.token_digest(mine)
    link.secret = service.secrets.seal(secret.encode(), f"link:{link.digest}")
    audit.append(session, Act("nobody", "link.begin", target), service.now())
    return Begun(secret, mine)


def check(link: InvitationRow, browser: str) -> None:
    """Refuse a browser that did not begin the link.

    Raises:
        LinkTakenError: another one did, or none yet.
    """
    if link.browser is None:
        raise LinkTakenError("open the link first, in this browser")
    if not hmac.compare_digest(link.browser, codes.token_digest(browser)):
        raise LinkTakenError("the link was opened in another browser before")


def secret_of(service: Service, link: InvitationRow, browser: str) -> str:
    """Return the seed of a link that this browser began.

    Raises:
        LinkTakenError: another one did, or none yet.
    """
    check(link, browser)
    return _secret(service, link)


def _secret(service: Service, link: InvitationRow) -> str:
    return service.secrets.open(link.secret or b"", f"link:{link.digest}").decode()
