-- Takes at most ARGV[1] call tokens of one trunk, for all cells together. One round trip.
-- GCRA: the key holds the theoretical arrival time in microseconds of the server's clock, so that cells need not agree
-- on the time, and the same burst as engine/trunk/capacity.py: ARGV[3] seconds' worth of calls, at least one.
-- KEYS[1] the trunk's key (never expires)   ARGV[1] wanted   ARGV[2] calls per second   ARGV[3] burst in seconds
-- Returns the granted tokens, or -1 when the key was missing: Redis is new or lost its data. The bucket then starts
-- empty, because other cells may have just used it up.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local interval = 1000000 / tonumber(ARGV[2])
local full = math.max(1, tonumber(ARGV[2]) * tonumber(ARGV[3]))
local arrival = tonumber(redis.call('GET', KEYS[1]) or '')
if not arrival then
  redis.call('SET', KEYS[1], string.format('%.0f', now + full * interval))
  return -1
end
-- a clock that was set back, or a rate that was raised, must not close the trunk for longer than a full bucket
arrival = math.min(math.max(arrival, now), now + full * interval)
local free = math.floor(full - (arrival - now) / interval + 1e-6)
local granted = math.max(0, math.min(tonumber(ARGV[1]), free))
redis.call('SET', KEYS[1], string.format('%.0f', arrival + granted * interval))
return granted
