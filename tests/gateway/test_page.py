"""The page at /docs as a document."""

import base64
import hashlib
import json
import re

from gateway.assembly import Assembly
from gateway.docs.page import ASSETS, pages
from gateway.envoy.pages import Page


def page() -> Page:
    return pages({})[0]


def test_its_policy_names_exactly_what_stands_in_it() -> None:
    policy = dict(part.split(" ", 1) for part in page().headers["content-security-policy"].split("; "))
    text = page().body.decode()
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"


def test_it_names_no_other_host_and_makes_no_markup_of_text() -> None:
    text = page().body.decode()
    assert not re.findall(r"https?://|//[a-z]+\.", text)
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "javascript:",
    ):
        assert way not in text
    assert not re.search(r"\son[a-z]+=", text), "handlers in attributes"


def test_every_asset_is_used() -> None:
    text = page().body.decode()
    for asset in ASSETS.iterdir():
        if asset.suffix in {".js", ".css"}:
            assert asset.read_text() in text


def test_the_document_is_served_whole(assembly: Assembly) -> None:
    _, document = pages(assembly.openapi)
    assert document.path == "/openapi.json"
    assert json.loads(document.body) == assembly.openapi
