-- Replace the overrides if the revision is still the expected one. Answers 1, or 0 when somebody was faster.
-- KEYS[1] config   KEYS[2] history   ARGV expected document nonce keep
local now = redis.call('HMGET', KEYS[1], 'revision', 'nonce')
if now[2] == ARGV[3] then return 1 end
if tonumber(now[1] or '0') ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[1] + 1, 'document', ARGV[2], 'nonce', ARGV[3])
redis.call('LPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], 0, ARGV[4] - 1)
return 1
