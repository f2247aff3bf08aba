-- Reserve spend of a UTC day. Money in micro-USD. Answers outcome, reserved, spent.
-- KEYS[1] day   KEYS[2] reservation   KEYS[3] open reservations
-- ARGV id day day_number limit amount ttl_ms keep_s
local function answer(outcome)
  local totals = redis.call('HMGET', KEYS[1], 'reserved', 'spent')
  return {outcome, tonumber(totals[1] or '0'), tonumber(totals[2] or '0')}
end
local state = redis.call('HGET', KEYS[2], 'state')
if state then return answer(state == 'open' and 'replayed' or 'closed') end
-- This clock decides the day: a caller that named yesterday is told so, and asks again.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if math.floor(now / 86400000) ~= tonumber(ARGV[3]) then return answer('wrong_day') end
local totals = answer('denied')
if totals[2] + totals[3] + tonumber(ARGV[5]) > tonumber(ARGV[4]) then return totals end
redis.call('HINCRBY', KEYS[1], 'reserved', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[7])
redis.call('HSET', KEYS[2], 'state', 'open', 'amount', ARGV[5], 'day', ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[7])
redis.call('ZADD', KEYS[3], now + ARGV[6], ARGV[1])
return answer('ok')
