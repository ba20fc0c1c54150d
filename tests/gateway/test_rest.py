"""REST through the real Envoy: what reaches a service, and what comes back."""

import httpx
import jsonschema
import pytest

from tests.gateway.answers import DOCUMENT, error_of
from tests.gateway.backends import ABSENT_ID, HUGE_BYTES, HUGE_NAME, Seen

pytestmark = pytest.mark.asyncio(loop_scope="session")

PORTFOLIOS = "/api/v1/management/portfolios"
Bearer = dict[str, str]


async def test_a_read_is_answered_as_the_document_says(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    answer = await rest.get(PORTFOLIOS, params={"page_size": 5}, headers=bearer)
    assert answer.status_code == 200
    assert seen.requests[0].page_size == 5
    schema = {"$ref": "#/components/schemas/ListPortfoliosResponse", "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())
    assert answer.json()["portfolios"][0]["benchmark"] == "", "zero values are written out"
    assert answer.headers["cache-control"] == "no-store"


async def test_writes_carry_path_and_body(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    created = await rest.post(PORTFOLIOS, json={"name": "Core", "base_currency": "EUR"}, headers=bearer)
    assert (created.json()["name"], created.json()["base_currency"]) == ("Core", "EUR")
    changed = await rest.patch(f"{PORTFOLIOS}/{ABSENT_ID}", json={"name": "New"}, headers=bearer)
    assert (changed.json()["portfolio_id"], changed.json()["name"]) == (ABSENT_ID, "New")
    assert not seen.requests[1].HasField("benchmark"), "a field that was not sent is not there"


async def test_headers_reach_the_service_as_metadata(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    sent = {
        "idempotency-key": "k-1",
        "x-api-key": "secret",
        "x-request-id": "mine",
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    }
    answer = await rest.post(PORTFOLIOS, json={"name": "Core"}, headers={**bearer, **sent})
    assert {name: seen.newest[name] for name in sent} == sent
    assert answer.headers["x-request-id"] == "mine"


async def test_a_request_without_an_id_gets_one(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    answer = await rest.get(PORTFOLIOS, headers=bearer)
    assert answer.headers["x-request-id"] == seen.newest["x-request-id"]


async def test_metadata_reaches_the_client_as_headers(rest: httpx.AsyncClient) -> None:
    answer = await rest.post("/api/v1/auth/login", json={"email": "ada@example.com", "password": "x"})
    assert answer.headers["set-cookie"] == "auth_token=abc; HttpOnly; SameSite=Lax; Path=/"


async def test_a_header_that_is_no_metadata_does_no_harm(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    odd = {"x-tilde~": "1", "x!": "1", "x.dot-and-under_score": "1", "x-latin": "caf\xe9".encode("latin-1")}
    answer = await rest.get(PORTFOLIOS, headers={**bearer, **odd})
    assert answer.status_code == 200
    assert not {"x-tilde~", "x!"} & set(seen.newest)


async def test_every_call_has_a_deadline(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    await rest.get(PORTFOLIOS, headers=bearer)
    await rest.get(PORTFOLIOS, headers={**bearer, "grpc-timeout": "2S"})
    await rest.get(PORTFOLIOS, headers={**bearer, "grpc-timeout": "for ever"})
    own, asked, nonsense = (left for left in seen.seconds_left if left is not None)
    assert 2 < own <= 5.25
    assert asked <= 2
    assert 2 < nonsense <= 5.25


async def test_a_late_answer_is_504(rest: httpx.AsyncClient, bearer: Bearer) -> None:
    overview = f"/api/v1/analytics/portfolio/{ABSENT_ID}/overview"
    answer = await rest.get(overview, headers={**bearer, "grpc-timeout": "100m"})
    assert (answer.status_code, answer.json()["code"]) == (504, 4)


async def test_a_services_error_keeps_its_details(rest: httpx.AsyncClient, bearer: Bearer) -> None:
    answer = await rest.get(f"{PORTFOLIOS}/{ABSENT_ID}", headers=bearer)
    assert answer.status_code == 404
    assert error_of(answer) == (5, "RESOURCE_NOT_FOUND", {"id": ABSENT_ID})


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (f"{PORTFOLIOS}?page_sise=5", "page_sise"),
        (f"{PORTFOLIOS}?page_size=many", "many"),
        ("/api/v1/marketdata/bars/AAPL?price_basis=ROUGH", "ROUGH"),
    ],
)
async def test_a_bad_query_is_400_and_named(rest: httpx.AsyncClient, bearer: Bearer, path: str, named: str) -> None:
    answer = await rest.get(path, headers=bearer)
    assert answer.status_code == 400
    assert error_of(answer)[:2] == (3, "INVALID_FIELD")
    assert named in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"name": 5}', "name: invalid value 5"),
        ('{"name": "x",', "Unexpected end"),
        ("[]", ""),
        ('{"name": "\ud800"}', ""),
    ],
)
async def test_a_bad_body_is_400_and_named(rest: httpx.AsyncClient, bearer: Bearer, body: str, named: str) -> None:
    answer = await rest.post(PORTFOLIOS, content=body.encode(errors="surrogatepass"), headers=bearer)
    assert answer.status_code == 400
    assert error_of(answer)[:2] == (3, "INVALID_FIELD")
    assert named in answer.json()["message"]


async def test_enums_are_read_in_any_case(rest: httpx.AsyncClient, bearer: Bearer) -> None:
    answer = await rest.get("/api/v1/market-data/prices/AAPL?price_basis=raw", headers=bearer)
    assert answer.json()["price_basis"] == "RAW"


async def test_repeated_parameters_make_a_list(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    await rest.get("/api/v1/data/prices/quotes?symbols=AAPL&symbols=CUR:USD", headers=bearer)
    assert list(seen.requests[0].symbols) == ["AAPL", "CUR:USD"]


async def test_ids_may_hold_slashes_and_colons(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    await rest.get("/api/v1/marketdata/instruments/CUR%2FX:USD", headers=bearer)
    assert seen.requests[0].symbol == "CUR/X:USD"


@pytest.mark.parametrize("path", ["/api/v1/management/portfolios/upload", "/api/v1/portfolio/upload"])
async def test_a_raw_file_arrives_as_it_is(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen, path: str) -> None:
    content = b"ticker,quantity\nAAPL,100\n\x00\xff\xfe"
    answer = await rest.post(
        path,
        params={"portfolio_name": "Core & Co", "commit": "true"},
        content=content,
        headers={**bearer, "content-type": "text/csv"},
    )
    assert answer.status_code == 200
    (request,) = seen.requests
    assert (request.portfolio_name, request.commit) == ("Core & Co", True)
    assert (request.file.content_type, request.file.data) == ("text/csv", content)


async def test_a_form_arrives_unparsed(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    await rest.post("/api/v1/portfolio/upload", files={"file": ("a.csv", b"x,y\n")}, headers=bearer)
    assert seen.requests[0].file.content_type.startswith("multipart/form-data; boundary=")
    assert b'filename="a.csv"' in seen.requests[0].file.data


async def test_a_body_may_be_as_large_as_the_contract_says(rest: httpx.AsyncClient, bearer: Bearer, seen: Seen) -> None:
    csv = {**bearer, "content-type": "text/csv"}
    taken = await rest.post("/api/v1/portfolio/upload", content=b"a" * (11 << 20), headers=csv)
    assert taken.status_code == 200
    assert len(seen.requests[0].file.data) == 11 << 20
    refused = await rest.post("/api/v1/portfolio/upload", content=b"a" * (12 << 20), headers=csv)
    assert refused.status_code == 413
    assert error_of(refused) == (3, "REQUEST_TOO_LARGE", {"limit_bytes": str(11 << 20)})


async def test_a_table_that_a_service_finds_too_large_is_413_too(rest: httpx.AsyncClient, bearer: Bearer) -> None:
    for name, status, reason in (("rows", 413, "REQUEST_TOO_LARGE"), ("words", 400, "MALFORMED_FILE")):
        sent = {
            "params": {"portfolio_name": name},
            "content": b"a,b",
            "headers": {**bearer, "content-type": "text/csv"},
        }
        answer = await rest.post("/api/v1/portfolio/upload", **sent)
        assert (answer.status_code, error_of(answer)[:2]) == (status, (3, reason))


async def test_other_bodies_end_at_1_mib_however_they_come(rest: httpx.AsyncClient, bearer: Bearer) -> None:
    async def pieces() -> "object":
        for _ in range(20):
            yield b" " * (100 << 10)

    for content in (b" " * (2 << 20), pieces()):
        answer = await rest.post(PORTFOLIOS, content=content, headers=bearer)
        assert answer.status_code == 413
        assert error_of(answer) == (3, "REQUEST_TOO_LARGE", {"limit_bytes": str(1 << 20)})


async def test_a_large_answer_comes_through(rest: httpx.AsyncClient, bearer: Bearer) -> None:
    answer = await rest.get(f"/api/v1/marketdata/instruments/{HUGE_NAME}", headers=bearer)
    assert answer.status_code == 200
    assert len(answer.json()["name"]) == HUGE_BYTES


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/api/v1/nothing"),
        ("PUT", "/api/v1/auth/me"),
        ("GET", "/admin"),
        ("POST", "/docs"),
        ("GET", "/docs/"),
    ],
)
async def test_what_is_not_there_is_404(rest: httpx.AsyncClient, bearer: Bearer, verb: str, path: str) -> None:
    answer = await rest.request(verb, path, headers=bearer)
    assert answer.status_code == 404
    assert error_of(answer) == (5, "RESOURCE_NOT_FOUND", {"resource": "path", "id": path})


@pytest.mark.parametrize("verb", ["HEAD", "OPTIONS", "TRACE"])
async def test_other_methods_are_405_and_open_nothing(rest: httpx.AsyncClient, seen: Seen, verb: str) -> None:
    asking = {"origin": "https://elsewhere.example", "access-control-request-method": "GET"}
    answer = await rest.request(verb, PORTFOLIOS, headers=asking)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST, PUT, PATCH, DELETE"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert not seen.requests


@pytest.mark.parametrize("headers", [{"x-long": "x" * (64 << 10)}, {f"x-{i}": "x" for i in range(150)}])
async def test_too_many_headers_are_431(rest: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await rest.get(PORTFOLIOS, headers=headers)
    assert answer.status_code == 431
    assert error_of(answer) == (3, "REQUEST_TOO_LARGE", {"limit_bytes": str(32 << 10)})


@pytest.mark.parametrize("path", ["/api/v1/marketdata/instruments/a%00b", "/api/v1/../../etc/passwd"])
async def test_a_path_that_is_none_is_refused(rest: httpx.AsyncClient, bearer: Bearer, path: str, seen: Seen) -> None:
    answer = await rest.request("GET", httpx.URL(str(rest.base_url)).copy_with(raw_path=path.encode()), headers=bearer)
    assert answer.status_code in {400, 404}
    assert error_of(answer)[0] in {3, 5}
    assert not seen.requests


async def test_the_documents_are_served(rest: httpx.AsyncClient) -> None:
    start = await rest.get("/")
    assert (start.status_code, start.headers["location"]) == (302, "/docs")
    page = await rest.get("/docs", headers={"cookie": "auth_token=stale", "authorization": "Bearer stale"})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'sha256-")
    assert page.headers["x-content-type-options"] == "nosniff"
    document = await rest.get("/openapi.json")
    assert document.json() == DOCUMENT
    assert (await rest.head("/docs")).headers["content-length"] == str(len(page.content))


async def test_health_is_told(rest: httpx.AsyncClient) -> None:
    assert (await rest.get("/healthz")).status_code == 200
    assert (await rest.head("/healthz?verbose")).status_code == 200
