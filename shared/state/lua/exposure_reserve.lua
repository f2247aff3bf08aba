-- Reserve margin and risk of an entry within the caps over all reservations. Money in micro-USD.
-- KEYS[1] hash id -> margin|risk|symbol   ARGV id symbol margin risk cap_margin cap_risk max_open max_per_symbol
-- Answers granted (1, 0), cap that refused, margin and risk over all reservations.
local margin, risk, open, here, mine = 0, 0, 0, 0, false
local rows = redis.call('HGETALL', KEYS[1])
for i = 1, #rows, 2 do
  local m, r, symbol = string.match(rows[i + 1], '^(%d+)|(%d+)|(.+)$')
  if not m then return redis.error_reply('CORRUPT exposure reservation ' .. rows[i]) end
  margin, risk, open = margin + m, risk + r, open + 1
  if symbol == ARGV[2] then here = here + 1 end
  if rows[i] == ARGV[1] then mine = true end
end
if mine then return {1, '', margin, risk} end
local function full(count, most) return most > 0 and count + 1 > most end
if margin + ARGV[3] > tonumber(ARGV[5]) then return {0, 'margin', margin, risk} end
if risk + ARGV[4] > tonumber(ARGV[6]) then return {0, 'risk', margin, risk} end
if full(open, tonumber(ARGV[7])) then return {0, 'max_open', margin, risk} end
if full(here, tonumber(ARGV[8])) then return {0, 'max_per_symbol', margin, risk} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. '|' .. ARGV[4] .. '|' .. ARGV[2])
return {1, '', margin + ARGV[3], risk + ARGV[4]}
