-- What a client's headers may say. Runs before anything else looks at them.

local function is_grpc(headers)
  return (headers:get("content-type") or ""):lower():sub(1, 16) == "application/grpc"
end

-- Transcoding makes a POST to a service of every REST call, so it is here, where the method is still the client's, that
-- the cookie is taken for GET and taken away for good. A gRPC call never gets a token from a cookie.
local function take_cookie(headers, reads)
  local cookie = headers:get("cookie")
  if cookie == nil then return end
  headers:remove("cookie")
  local token = (";" .. cookie):match(";%s*auth_token=([^;%s]+)")
  if reads and token ~= nil and headers:get("authorization") == nil then
    headers:add("authorization", "Bearer " .. token)
  end
end

-- HTTP allows more characters in a name than gRPC, where such a call ends as a defect of the service.
local function is_metadata(name)
  return name:sub(1, 1) == ":" or name:match("^[%l%d_.-]+$") ~= nil
end

-- What gRPC means by these is for the transcoder to say, not for a REST client; a deadline is welcome.
local function is_grpcs_own(name, value)
  if name == "grpc-timeout" then return #value > 9 or value:match("^%d+[HMSmun]$") == nil end
  return name:sub(1, 5) == "grpc-" or name:sub(-4) == "-bin"
end

local function drop_headers(headers, grpc)
  local dropped = {}
  for name, value in pairs(headers) do
    if not is_metadata(name) or (not grpc and is_grpcs_own(name, value)) then table.insert(dropped, name) end
  end
  for _, name in ipairs(dropped) do headers:remove(name) end
end

function envoy_on_request(request)
  local headers = request:headers()
  local grpc = is_grpc(headers)
  take_cookie(headers, not grpc and headers:get(":method") == "GET")
  drop_headers(headers, grpc)
end
