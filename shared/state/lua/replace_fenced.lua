-- Replace all documents of a hash at once, if no newer token was handed out. Answers 1, 0 when fenced off, -1 when it had to be empty.
-- KEYS[1] fence   KEYS[2] hash   ARGV token only_if_empty (1 or 0) then field, document, ...
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '1' and redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
redis.call('DEL', KEYS[2])
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
