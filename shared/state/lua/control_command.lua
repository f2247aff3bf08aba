-- A new trading state; the epoch grows by one. A call that is repeated with its nonce counts once.
-- KEYS[1] control   ARGV state author reason now_ms nonce command
if redis.call('HGET', KEYS[1], 'nonce') ~= ARGV[5] then
  local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
  redis.call('HSET', KEYS[1], 'state', ARGV[1], 'author', ARGV[2], 'reason', ARGV[3], 'changed_ms', ARGV[4], 'nonce', ARGV[5],
    'command', ARGV[6])
  -- Only a start takes a flatten back; a pause or stop right after it must not.
  if ARGV[1] == 'running' then
    redis.call('HDEL', KEYS[1], 'flatten_epoch')
  elseif ARGV[6] == 'flatten' then
    redis.call('HSET', KEYS[1], 'flatten_epoch', epoch)
  end
end
return redis.call('HMGET', KEYS[1], 'state', 'epoch', 'reason', 'author', 'changed_ms', 'command', 'flatten_epoch')
