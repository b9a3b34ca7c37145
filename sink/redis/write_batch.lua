-- Writes one piece of a batch: fence first, then the operations. Redis runs a script without a break, so readers see
-- either nothing of it or all of it.
--
-- KEYS[1]  <prefix>:fence:<group>:<topic>:<partition>, holding <token>:<offset>:<now_shown>
-- KEYS[2]  <prefix>:fence:<stream>:<partition>, the same of earlier versions, which knew no consumer groups
-- ARGV     prefix, partition (its number, or <topic>/<number>), token, offset, now_shown, group, cluster, count, names of as many aggregates (all of
--          the stream's), then sections, each with a letter in front:
--   V  aggregate rows present absent  present x name  absent x name  rows x (score key)  rows x present x value
--   F  as V, and rows x operation number before the values: first publication by this owner
--   H  aggregate keep rows  rows x key  rows x operation number  rows x (1: to be announced, or 0)  rows x (score member)
--   S  as H, of sessions: rows x (score last member), each in the place of all members from its score to `last`; an
--      empty member only takes those away
--   D  aggregate rows  rows x key
--          aggregate: its name, and ':' where it has group fields, so that <prefix>:<aggregate><key> is a group's
--          hash. A single empty value so has the key <prefix>:<name>: and never meets <prefix>:<name>:history,
--          which is the hash of the value "history".
-- Answer   {OK | BEHIND | FENCED | FENCED_OLD (by KEYS[2]) | REFUSED, the fence as it was found or '' (REFUSED: whose
--           it is), values of another type that were replaced, 1 if one of them held more than one group, numbers of
--           operations whose group another partition owns...}
--
-- Whose is what: <prefix>:owners holds the Kafka cluster of each consumer group, and <prefix>:owners:<aggregate> beside
-- partitions by group key the fields %owner, <group>:<cluster>, and %old where an earlier version wrote first. No
-- group key has a '%' before a small letter but in %null. An empty cluster is one that is not known.
-- Whoever changes %owner writes <prefix>:owners too (%taken, for a moment): transactions watch that key alone,
-- since the others change with every new group.
--
-- Names of fields come once a section and every list is handed over in one piece by unpack: time goes with the
-- number of arguments Redis has to parse and Lua to copy.

local prefix, partition, token, offset, shown = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local group, cluster, aggregates = ARGV[6], ARGV[7], tonumber(ARGV[8])
local call, try = redis.call, redis.pcall
local replaced, lost, conflicts = 0, 0, {}

-- Decimal integers as texts without leading zeros: Lua's numbers are doubles and hold only 2^53, while a time in
-- microseconds may be larger.
local function less(a, b)
  local a_negative, b_negative = a:sub(1, 1) == '-', b:sub(1, 1) == '-'
  if a_negative ~= b_negative then
    return a_negative
  end
  if a_negative then
    a, b = b, a
  end
  if #a ~= #b then
    return #a < #b
  end
  return a < b
end

-- The keys under the prefix are this program's to write: a value of another type is replaced, so that one stray key
-- does not stop a partition. `shared`: the key held entries of other groups, which have to be published again.
local function replace(failure, shared, command, key, ...)
  if failure.err:find('WRONGTYPE', 1, true) then
    call('DEL', key)
    replaced = replaced + 1
    if shared then
      lost = 1
    end
  end
  return call(command, key, ...)
end

local function run(shared, command, key, ...)
  local answer = try(command, key, ...)
  if type(answer) == 'table' and answer.err then
    return replace(answer, shared, command, key, ...)
  end
  return answer
end

-- ---- whose aggregates and consumer groups these are ----

local function other_cluster(held)
  return held ~= cluster and held ~= '' and cluster ~= ''
end

-- Whose the names are, when they are not ours; then whether an earlier version wrote here. What nobody has is taken.
local function refusal()
  local groups = prefix .. ':owners'
  local bound = run(false, 'HMGET', groups, group)[1]
  if bound and other_cluster(bound) then
    return ' ' .. group .. ':' .. bound
  end
  local take, old = {}, false
  for i = 1, aggregates do
    local owners = prefix .. ':owners:' .. ARGV[8 + i]
    local held = run(true, 'HMGET', owners, '%owner', '%old')
    local held_group, held_cluster = (held[1] or ''):match('^([^:]*):([^:]*)$')
    if held_group and (held_group ~= group or other_cluster(held_cluster)) then
      return ARGV[8 + i] .. ' ' .. held[1]
    end
    if not held_group or (held_cluster == '' and cluster ~= '') then
      take[#take + 1] = owners
      if not held_group and try('HLEN', owners) ~= 0 then -- an error: ask no more, it may be
        call('HSET', owners, '%old', '1')
        old = true
      end
    end
    old = old or held[2] ~= false
  end
  for i = 1, #take do
    call('HSET', take[i], '%owner', group .. ':' .. cluster)
    call('HSET', groups, '%taken', take[i])
    call('HDEL', groups, '%taken')
  end
  if not bound or (bound == '' and cluster ~= '') then
    call('HSET', groups, group, cluster)
  end
  return nil, old
end

-- ---- the fence ----

local UNBEATABLE = '9007199254740991' -- as a token: earlier versions refuse whoever comes with less

local function read_fence(key)
  local found = try('GET', key)
  if type(found) == 'table' then
    if not found.err:find('WRONGTYPE', 1, true) then
      call('GET', key) -- raises the error as it is
    end
    return false -- SET replaces any type
  end
  return found
end

local function parts(text)
  return (text or ''):match('^(%d+):(%-?%d+):(%-?%d+)$')
end

-- The fence of an earlier version holds for us as our own. Whoever takes it over puts it out of reach of writers
-- that know no other, and from then on it tells us nothing.
local function old_fence()
  local found = read_fence(KEYS[2])
  return parts(found) ~= UNBEATABLE and found or false
end

local function keep_fence(text, inherit)
  call('SET', KEYS[1], text)
  if inherit then
    call('SET', KEYS[2], UNBEATABLE .. text:match(':.*'))
  end
end

local function fence(old)
  local found = read_fence(KEYS[1])
  local inherit = old and not found
  local inherited = inherit and old_fence()
  found = found or inherited
  local mine = token .. ':' .. offset .. ':' .. shown
  if found == mine and not inherit then
    return 'OK', found
  end
  local held_token, held_offset, held_shown = parts(found)
  if held_token then
    if less(token, held_token) then
      return inherited and 'FENCED_OLD' or 'FENCED', found
    end
    if less(offset, held_offset) or (offset == held_offset and less(shown, held_shown)) then
      if inherit or token ~= held_token then
        keep_fence(token .. ':' .. held_offset .. ':' .. held_shown, inherit)
      end
      return 'BEHIND', found
    end
  end
  -- Before the views: a script that fails half-way is sent again, while an older writer must be refused at once.
  keep_fence(mine, inherit)
  return 'OK', found or ''
end

-- ---- sections ----

-- What an aggregate's keys begin with, its owners, and its name with the prefix.
local function names(head)
  local name = head:match('^[^:]*')
  return prefix .. ':' .. head, prefix .. ':owners:' .. name, prefix .. ':' .. name
end

-- Earlier versions kept the group of one empty value as <prefix>:<name>, as if there were no group fields.
local function rename_old(aggregate)
  call('DEL', aggregate)
  local members = try('ZCARD', aggregate .. ':history') -- a hash belongs to the group "history"
  if type(members) == 'number' and members > 0 then
    try('RENAMENX', aggregate .. ':history', aggregate .. '::history')
  end
end

-- Rows whose group another partition owns, as a set; numbers of their operations go to `conflicts`.
local function foreign_rows(owners, keys, number_at)
  local held = run(true, 'HMGET', owners, unpack(keys))
  local foreign = {}
  for row = 1, #keys do
    if held[row] and held[row] ~= partition then
      foreign[row] = true
      if number_at then
        conflicts[#conflicts + 1] = ARGV[number_at + row]
      end
    end
  end
  return foreign, held
end

local function claim(owners, keys, foreign, held)
  local claims = {}
  for row = 1, #keys do
    if not held[row] then
      claims[#claims + 1] = keys[row]
      claims[#claims + 1] = partition
    end
  end
  if #claims > 0 then
    call('HSET', owners, unpack(claims))
  end
end

local function write_views(at, first)
  local hash, owners, aggregate = names(ARGV[at + 1])
  local rows, present, absent = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local fields = {}
  for i = 1, present do
    fields[2 * i - 1] = ARGV[at + 4 + i]
  end
  local absent_from, absent_to = at + 4 + present + 1, at + 4 + present + absent
  local heads = absent_to
  local values = heads + 2 * rows
  local foreign = {}
  local index, updates = aggregate .. ':index', aggregate .. ':updates'
  if first then
    local keys = {}
    for row = 1, rows do
      keys[row] = ARGV[heads + 2 * row]
    end
    local held
    foreign, held = foreign_rows(owners, keys, values)
    claim(owners, keys, foreign, held)
    values = values + rows
  end
  if next(foreign) == nil then
    run(true, 'ZADD', index, unpack(ARGV, heads + 1, heads + 2 * rows))
  end
  for row = 1, rows do
    if not foreign[row] then
      local member = ARGV[heads + 2 * row]
      local key = hash .. member
      if first and member == '' and key ~= aggregate then
        rename_old(aggregate)
      end
      for i = 1, present do
        fields[2 * i] = ARGV[values + i]
      end
      if first or present == 0 then
        call('DEL', key) -- fields that an earlier configuration wrote
      end
      if present > 0 then
        local answer = try('HSET', key, unpack(fields))
        if type(answer) == 'table' then
          replace(answer, false, 'HSET', key, unpack(fields))
        end
      end
      if absent > 0 and present > 0 and not first then
        call('HDEL', key, unpack(ARGV, absent_from, absent_to))
      end
      if next(foreign) ~= nil then
        run(true, 'ZADD', index, ARGV[heads + 2 * row - 1], member)
      end
    end
    values = values + present
  end
  for row = 1, rows do
    if not foreign[row] then
      call('PUBLISH', updates, ARGV[heads + 2 * row])
    end
  end
  return values + 1
end

local function write_history(at, sessions)
  local hash, owners, aggregate = names(ARGV[at + 1])
  local trim = -1 - tonumber(ARGV[at + 2])
  local rows = tonumber(ARGV[at + 3])
  local keys = {unpack(ARGV, at + 4, at + 3 + rows)}
  local told_from, values = at + 3 + 2 * rows, at + 3 + 3 * rows
  local each = sessions and 3 or 2
  local foreign = foreign_rows(owners, keys, at + 3 + rows)
  for row = 1, rows do
    if not foreign[row] then
      local key = hash .. keys[row] .. ':history'
      local score, last, member = ARGV[values + 1], ARGV[values + each - 1], ARGV[values + each]
      run(false, 'ZREMRANGEBYSCORE', key, score, last)
      if member ~= '' then
        call('ZADD', key, score, member)
        call('ZREMRANGEBYRANK', key, 0, trim)
      end
    end
    values = values + each
  end
  for row = 1, rows do
    if ARGV[told_from + row] == '1' and not foreign[row] then
      call('PUBLISH', aggregate .. ':updates', keys[row])
    end
  end
  return values + 1
end

local function drop(at)
  local hash, owners, aggregate = names(ARGV[at + 1])
  local rows = tonumber(ARGV[at + 2])
  local index = aggregate .. ':index'
  local foreign = foreign_rows(owners, {unpack(ARGV, at + 3, at + 2 + rows)})
  local members, keys = {}, {}
  for row = 1, rows do
    if not foreign[row] then
      local member = ARGV[at + 2 + row]
      local key = hash .. member
      members[#members + 1] = member
      keys[#keys + 1] = key
      keys[#keys + 1] = key .. ':history'
    end
  end
  if #members > 0 then
    call('DEL', unpack(keys))
    run(true, 'ZREM', index, unpack(members))
    call('HDEL', owners, unpack(members))
    for row = 1, #members do
      call('PUBLISH', aggregate .. ':updates', members[row])
    end
  end
  return at + 3 + rows
end

local refused, old = refusal()
if refused then
  return {'REFUSED', refused, replaced, lost}
end
local status, found = fence(old)
if status == 'OK' then
  local at = 9 + aggregates
  while at <= #ARGV do
    local section = ARGV[at]
    if section == 'V' or section == 'F' then
      at = write_views(at, section == 'F')
    elseif section == 'H' or section == 'S' then
      at = write_history(at, section == 'S')
    else
      at = drop(at)
    end
  end
end
return {status, found, replaced, lost, unpack(conflicts)}
