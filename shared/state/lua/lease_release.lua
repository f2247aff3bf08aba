-- Give up a lease that is still held with this token.
-- KEYS[1] lease   ARGV owner token
local held = redis.call('HMGET', KEYS[1], 'owner', 'token')
if held[1] == ARGV[1] and held[2] == ARGV[2] then redis.call('DEL', KEYS[1]) end
return 1
