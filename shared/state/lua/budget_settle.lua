-- Book what a reservation really cost, on its own day; also after it expired (the estimate gives way to the truth).
-- KEYS[1] reservation   KEYS[2] open reservations   ARGV id actual day_prefix
local held = redis.call('HMGET', KEYS[1], 'state', 'amount', 'day')
if not held[1] then return {'unknown', 0, 0} end
local day = ARGV[3] .. held[3]
local outcome = 'ok'
if held[1] == 'open' then
  redis.call('HINCRBY', day, 'reserved', 0 - held[2])
  redis.call('HINCRBY', day, 'spent', ARGV[2])
elseif held[1] == 'expired' then
  redis.call('HINCRBY', day, 'spent', ARGV[2] - held[2])
else
  outcome = 'replayed'
end
if outcome == 'ok' then
  redis.call('HSET', KEYS[1], 'state', 'settled', 'actual', ARGV[2])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
local totals = redis.call('HMGET', day, 'reserved', 'spent')
return {outcome, tonumber(totals[1] or '0'), tonumber(totals[2] or '0')}
