-- Store a document if no newer token was handed out. Answers 1, or 0 when fenced off.
-- KEYS[1] fence   KEYS[2] hash   ARGV token field document
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
