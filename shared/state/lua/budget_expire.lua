-- Book expired reservations at their full amount: the money may have been spent. Answers how many were taken off the list.
-- KEYS[1] open reservations   ARGV reservation_prefix day_prefix batch
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[3])
for _, id in ipairs(due) do
  local reservation = ARGV[1] .. id
  local held = redis.call('HMGET', reservation, 'state', 'amount', 'day')
  if held[1] == 'open' then
    local day = ARGV[2] .. held[3]
    redis.call('HINCRBY', day, 'reserved', 0 - held[2])
    redis.call('HINCRBY', day, 'spent', held[2])
    redis.call('HSET', reservation, 'state', 'expired')
  end
  redis.call('ZREM', KEYS[1], id)
end
return #due
