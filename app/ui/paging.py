"""The next page of a list: the API says where it is, the address of this page says the rest."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import request

from app.ui.asking import Answer

_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


def next_page(answer: Answer) -> str | None:
    """This page's address with the token of the next one; None on the last."""
    found = _NEXT.search(answer.headers.get("Link", ""))
    token = parse_qs(urlsplit(found[1]).query).get("pageToken") if found else None
    return f"{request.path}?{urlencode({**request.args.to_dict(), 'pageToken': token[0]})}" if token else None
