-- Writes <prefix>:meta for the aggregates that are this consumer group's, and takes those that nobody has: see
-- write_batch.lua for whose is what.
--
-- KEYS[1]  <prefix>:meta
-- ARGV     prefix, group, cluster, 1 to write all and 0 for those that are missing, then pairs of name and description
-- Answer   {aggregates that are another consumer group's, 1 if a value of another type was replaced, names of aggregates
--           that are ours by their key and were not named: no longer configured...}

local call, try = redis.call, redis.pcall
local prefix, group, cluster, all = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local refused, replaced = 0, 0

local function ask(key, ...)
  local held = try('HMGET', key, ...)
  if type(held) == 'table' and held.err then
    if not held.err:find('WRONGTYPE', 1, true) then
      call('HMGET', key, ...) -- raises the error as it is
    end
    if key == KEYS[1] then
      call('DEL', key)
      replaced = 1
    end
    return {false}
  end
  return held
end

local function is_ours(owners)
  local held_group, held_cluster = (ask(owners, '%owner')[1] or ''):match('^([^:]*):([^:]*)$')
  if held_group then
    return held_group == group and (held_cluster == cluster or held_cluster == '' or cluster == '')
  end
  local size = try('HLEN', owners) -- an error: it may be an earlier version's
  if size ~= 0 and (type(size) ~= 'table' or not size.err:find('WRONGTYPE', 1, true)) then
    call('HSET', owners, '%old', '1')
  end
  try('HSET', prefix .. ':owners', '%taken', owners) -- see write_batch.lua
  try('HDEL', prefix .. ':owners', '%taken')
  try('HSET', owners, '%owner', group .. ':' .. cluster) -- a value of another type is the first batch's to replace
  return true
end

local function forgotten(named)
  local left, names = {}, try('HKEYS', KEYS[1]) -- an error: nothing is told
  for i = 1, names.err and 0 or #names do
    local owner = not named[names[i]] and ask(prefix .. ':owners:' .. names[i], '%owner')[1]
    if owner and owner == group .. ':' .. cluster then
      left[#left + 1] = names[i]
    end
  end
  return left
end

local named = {}
for at = 5, #ARGV, 2 do
  named[ARGV[at]] = true
  if is_ours(prefix .. ':owners:' .. ARGV[at]) then
    local there = ask(KEYS[1], ARGV[at])[1]
    if all or not there then
      call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
    end
  else
    refused = refused + 1
  end
end
return {refused, replaced, unpack(all and forgotten(named) or {})}
