-- The first trading state, unless there is one. Answers what is.
-- KEYS[1] control   ARGV state author now_ms
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'state', ARGV[1], 'epoch', 1, 'reason', '', 'author', ARGV[2], 'changed_ms', ARGV[3])
end
return redis.call('HMGET', KEYS[1], 'state', 'epoch', 'reason', 'author', 'changed_ms', 'command', 'flatten_epoch')
