-- wrk's script: asks for the credits of one shop after another, each with a token of its own.
-- Its argument is a file with a line a shop: token, platform, domain.

local requests = {}
local last = 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local token, platform, domain = line:match("(%S+) (%S+) (%S+)")
    requests[#requests + 1] = wrk.format("GET", "/api/credits", {
      ["Authorization"] = "Bearer " .. token,
      ["X-Shop-Platform"] = platform,
      ["X-Shop-Domain"] = domain,
    })
  end
end

function request()
  last = last % #requests + 1
  return requests[last]
end
