-- Extend a lease that is still held with this token. Answers 1, or 0 when it was lost.
-- KEYS[1] lease   ARGV owner token ttl_ms
local held = redis.call('HMGET', KEYS[1], 'owner', 'token')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
