-- First sight of a message: nil, and it has begun. Otherwise what was recorded. A repeated call is known by its nonce.
-- KEYS[1] entry   ARGV begun (prefix and nonce) ttl_s
local was = redis.call('GET', KEYS[1])
if was and was ~= ARGV[1] then return was end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return false
