"""Who may pass the edge: tokens that are ours, or none at all; and never a cookie for more than reading over REST.

A bad token is refused here, before it costs a service anything. No token is let through: the services deny by
default, and an API key is theirs to judge. Public RPCs are not looked at, because a stale token that a client sends
along must not keep its owner from logging in.
"""

from collections.abc import Iterable

from gateway.contract.rpcs import Rpc
from gateway.envoy.clusters import SELF, own_address
from gateway.envoy.extension import Json, extension, seconds
from gateway.settings import Settings

JWKS_PATH = "/.well-known/jwks.json"
REFETCH_SECONDS = 1
FETCH_SECONDS = 2
CLOCK_SKEW_SECONDS = 5

# Transcoding makes a POST to a service of every REST call, so it is here, where the method is still the client's, that
# the cookie is taken for GET and taken away for good. A gRPC call never gets a token from a cookie.
COOKIE_TO_HEADER = """
local function is_grpc(headers)
  return (headers:get("content-type") or ""):lower():sub(1, 16) == "application/grpc"
end

local function take_cookie(headers, reads)
  local cookie = headers:get("cookie")
  if cookie == nil then return end
  headers:remove("cookie")
  local token = (";" .. cookie):match(";%s*auth_token=([^;%s]+)")
  if reads and token ~= nil and headers:get("authorization") == nil then
    headers:add("authorization", "Bearer " .. token)
  end
end

-- What gRPC means by these headers is decided by transcoding, not by a REST client; a deadline is welcome.
local function drop_grpc_headers(headers)
  local dropped = {}
  for name, value in pairs(headers) do
    local deadline = name == "grpc-timeout" and #value <= 9 and value:match("^%d+[HMSmun]$")
    if (name:sub(1, 5) == "grpc-" and not deadline) or name:sub(-4) == "-bin" then table.insert(dropped, name) end
  end
  for _, name in ipairs(dropped) do headers:remove(name) end
end

function envoy_on_request(request)
  local headers = request:headers()
  local grpc = is_grpc(headers)
  take_cookie(headers, not grpc and headers:get(":method") == "GET")
  if not grpc then drop_grpc_headers(headers) end
end
"""


def cookie_filter() -> Json:
    """Give the filter that turns the cookie into a header where it may be one."""
    source = {"inline_string": COOKIE_TO_HEADER}
    return extension("filters.http.lua", "extensions.filters.http.lua.v3.Lua", default_source_code=source)


def token_filter(settings: Settings, rpcs: Iterable[Rpc], open_paths: Iterable[str]) -> Json:
    """Give the filter that refuses tokens that are not ours, except where no token is asked for."""
    demand = {"requires_any": {"requirements": [{"provider_name": "identity"}, {"allow_missing": {}}]}}
    not_asked = [{"match": match} for match in [*_public(rpcs), *({"path": path} for path in open_paths)]]
    return extension(
        "filters.http.jwt_authn",
        "extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={"identity": _identity(settings)},
        rules=[*not_asked, {"match": {"prefix": "/"}, "requires": demand}],
    )


def _public(rpcs: Iterable[Rpc]) -> list[Json]:
    found: list[Json] = []
    for rpc in rpcs:
        if rpc.public:
            found.append({"path": rpc.path})
            found += [
                {
                    "safe_regex": {"regex": binding.template.regex},
                    "headers": [{"name": ":method", "string_match": {"exact": binding.verb}}],
                }
                for binding in rpc.bindings
            ]
    return found


def _identity(settings: Settings) -> Json:
    host, port = own_address(settings)
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return {
        "issuer": settings.token_issuer,
        "audiences": [settings.token_issuer],
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_SECONDS,
        "forward": True,
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "remote_jwks": {
            # identity speaks gRPC alone, so its keys are asked for where gRPC is transcoded: here.
            "http_uri": {
                "uri": f"http://{authority}{JWKS_PATH}",
                "cluster": SELF,
                "timeout": seconds(FETCH_SECONDS),
            },
            "cache_duration": seconds(settings.jwks_cache_seconds),
            # The listener must not wait for keys that only it can fetch.
            "async_fetch": {"fast_listener": True, "failed_refetch_duration": seconds(REFETCH_SECONDS)},
        },
    }
