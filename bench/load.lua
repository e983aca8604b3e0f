-- The script of wrk: GET the lines of BENCH_REQUESTS ("PATH <tab> KEY") one after the other
-- and count every answer that is not 200. A line without a key is sent without one.
local requests, count, at = {}, 0, 0
local threads = {}
wrong = 0

function setup(thread)
  table.insert(threads, thread)
end

function init()
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local path, key = line:match("^([^\t]*)\t?(.*)$")
    local headers = { ["User-Agent"] = "steward-bench" }
    if key ~= "" then headers["Authorization"] = "Bearer " .. key end
    count = count + 1
    requests[count] = wrk.format("GET", path, headers)
  end
end

function request()
  at = at % count + 1
  return requests[at]
end

function response(status)
  if status ~= 200 then wrong = wrong + 1 end
end

function done(summary, latency)
  local failed = 0
  for _, thread in ipairs(threads) do failed = failed + thread:get("wrong") end
  local e = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"wrong":%d,"broken":%d,"p50_ms":%.3f,"p99_ms":%.3f,"bytes":%d}\n',
    summary.requests, summary.duration / 1e6, failed, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, summary.bytes))
end
