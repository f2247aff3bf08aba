-- Take a free lease with the next token, or extend one that the owner has. Answers the token, nil when another has it.
-- KEYS[1] lease   KEYS[2] fence   ARGV owner ttl_ms
local held = redis.call('HMGET', KEYS[1], 'owner', 'token')
if held[1] == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return held[2]
end
if held[1] then return false end
-- A counter that was lost with its store starts at the time: larger than any token that was handed out before.
if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('SET', KEYS[2], redis.call('TIME')[1]) end
local token = redis.call('INCR', KEYS[2])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', token)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return token
