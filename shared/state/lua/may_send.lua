-- The last question before an entry is sent, and its durable "sent", in one step. Answers ok, or why not.
-- KEYS[1] control   KEYS[2] fence   KEYS[3] intents   ARGV id token epoch before after
local control = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if not control[1] then return 'unset' end
if control[1] ~= 'running' then return 'not_running' end
if control[2] ~= ARGV[3] then return 'old_epoch' end
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 'fenced' end
local known = redis.call('HGET', KEYS[3], ARGV[1])
-- A call that is repeated because its answer was lost finds its own write.
if known ~= ARGV[4] and known ~= ARGV[5] then return 'changed' end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[5])
return 'ok'
