-- HTTP knows more statuses than gRPC. What a service refuses as too large is INVALID_ARGUMENT there, and 400 would be the
-- answer; what the gateway itself refuses as too large is answered with 413, and so shall this be.

local TOO_LARGE = '"reason":"REQUEST_TOO_LARGE"'

function envoy_on_response(response)
  if response:headers():get(":status") ~= "400" then return end
  local body = response:body()
  -- Quotes inside a message are escaped in JSON, so no message can look like the reason.
  if body ~= nil and body:getBytes(0, body:length()):find(TOO_LARGE, 1, true) then
    response:headers():replace(":status", "413")
  end
end
