// What runs inside Redis: one script per call, and so one step that nobody else comes between. The same ways of counting as in memory, in Lua's numbers, exact up to 2^53.

/** State is MessagePack: Lua's JSON rounds after 14 digits. Redis's own clock counts, so that replicas agree on the time. */
const counting = `
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function slot_ms(c) return c.windowMs / c.slots end

local function window_of(c, now)
  if c.kind == 'rolling' then return c.windowMs end
  if c.endMs then return c.endMs - c.startMs end
  return c.windowMs
end

local function start_of(c, now)
  if c.startMs then return c.startMs end
  return math.floor(now / c.windowMs) * c.windowMs
end

local function begin(c, now)
  if c.kind == 'fixed' then return { start = start_of(c, now), used = 0 } end
  if c.kind == 'rolling' then return { slots = {}, used = 0 } end
  if c.kind == 'bucket' then return { parts = c.amount * c.refillMs, since = now } end
  if c.kind == 'concurrency' then return { leases = {}, used = 0 } end
  return { used = 0 }
end

local function keep(list, test)
  local kept, used = {}, 0
  for _, one in ipairs(list) do
    if test(one) then kept[#kept + 1] = one; used = used + one[2] end
  end
  return kept, used
end

local function advance(s, c, now)
  if c.kind == 'fixed' then
    local start = start_of(c, now)
    if start > s.start then s.start = start; s.used = 0 end
  elseif c.kind == 'rolling' then
    local oldest = math.floor(now / slot_ms(c)) - c.slots
    s.slots, s.used = keep(s.slots, function(one) return one[1] >= oldest end)
  elseif c.kind == 'bucket' then
    if now > s.since then
      s.parts = math.min(c.amount * c.refillMs, s.parts + c.refill * (now - s.since))
      s.since = now
    end
  elseif c.kind == 'concurrency' then
    s.leases, s.used = keep(s.leases, function(one) return one[3] > now end)
  end
end

local function remaining(s, c)
  if c.kind == 'bucket' then return math.min(c.amount, math.floor(s.parts / c.refillMs)) end
  return c.amount - s.used
end

local function used(s, c)
  if c.kind == 'bucket' then return math.max(0, c.amount - math.floor(s.parts / c.refillMs)) end
  return s.used
end

local function take(s, c, amount, now, id)
  if c.kind == 'bucket' then s.parts = s.parts - amount * c.refillMs; return end
  s.used = s.used + amount
  if c.kind == 'rolling' then
    local at, last = math.floor(now / slot_ms(c)), s.slots[#s.slots]
    if last and last[1] >= at then last[2] = last[2] + amount else s.slots[#s.slots + 1] = { at, amount } end
  elseif c.kind == 'concurrency' then
    s.leases[#s.leases + 1] = { id, amount, now + c.leaseMs }
  end
end

local function give(s, c, amount, id)
  local before = used(s, c)
  if c.kind == 'bucket' then
    s.parts = math.min(c.amount * c.refillMs, s.parts + amount * c.refillMs)
  elseif c.kind == 'concurrency' then
    local left = amount
    for _, lease in ipairs(s.leases) do
      if id == '' or lease[1] == id then
        local part = math.min(left, lease[2])
        lease[2] = lease[2] - part
        left = left - part
      end
    end
    s.leases, s.used = keep(s.leases, function(one) return one[2] > 0 end)
  else
    local left = math.min(amount, s.used)
    s.used = s.used - left
    while c.kind == 'rolling' and left > 0 do
      local last = s.slots[#s.slots]
      local part = math.min(left, last[2])
      last[2] = last[2] - part
      left = left - part
      if last[2] == 0 then s.slots[#s.slots] = nil end
    end
  end
  return before - used(s, c)
end

local year = 365 * 86400000

local function wait(s, c, amount, now)
  local left = remaining(s, c)
  if amount <= left then return 0 end
  if c.kind == 'fixed' then return math.max(0, (c.endMs or s.start + c.windowMs) - now) end
  if c.kind == 'rolling' then
    for _, one in ipairs(s.slots) do
      left = left + one[2]
      if amount <= left then return math.max(0, math.ceil((one[1] + c.slots + 1) * slot_ms(c)) - now) end
    end
    return c.windowMs
  end
  if c.kind == 'bucket' then
    if c.refill == 0 or amount > c.amount then return year end
    return math.min(year, math.ceil((amount * c.refillMs - s.parts) / c.refill))
  end
  if c.kind == 'concurrency' then
    for _, one in ipairs(s.leases) do
      left = left + one[2]
      if amount <= left then return math.max(0, one[3] - now) end
    end
    return c.leaseMs
  end
  return 86400000
end

local function valid(s, c, now)
  if c.kind == 'fixed' then return (c.endMs or s.start + c.windowMs) - now end
  if c.kind == 'rolling' then return c.windowMs end
  if c.kind == 'bucket' then return c.refillMs end
  if c.kind == 'concurrency' then return c.leaseMs end
  return 86400000
end

-- How long the key has to be kept: as long as it counts something, and twice so for the demand of consumers.
local function lasting(s, c, now)
  if c.kind == 'total' then return nil end
  if c.kind == 'bucket' then return wait(s, c, c.amount, now) + 1000 end
  if c.kind == 'concurrency' then return c.leaseMs + 1000 end
  return 2 * window_of(c, now) + 1000
end
`;

/** Max-min fairness among consumers of one counter, as in packages/policy/src/quotas/sharing. */
const sharing = `
local most_consumers = 1000

local function join(s, c, now)
  s.consumers = s.consumers or {}
  local one = s.consumers[c.consumer]
  if not one then
    local count = 0
    for _ in pairs(s.consumers) do count = count + 1 end
    if count >= most_consumers then return nil end
    local span = window_of(c, now)
    one = { s = begin(c, now), at = math.floor(now / span) * span, asked = 0, before = 0, last = 0 }
    s.consumers[c.consumer] = one
  end
  one.weight = c.weight
  return one
end

local function advance_consumers(s, c, now)
  local span = window_of(c, now)
  for name, one in pairs(s.consumers or {}) do
    advance(one.s, c, now)
    local passed = math.floor((now - one.at) / span)
    if passed > 0 then
      one.before = passed == 1 and one.asked or 0
      one.asked = 0
      one.at = one.at + passed * span
    end
    if one.asked == 0 and one.before == 0 and used(one.s, c) == 0 and name ~= c.consumer then s.consumers[name] = nil end
  end
end

local function wanted(one, c, now)
  local span = window_of(c, now)
  local rest = math.min(1, math.max(0, 1 - (now - one.at) / span))
  local expected = one.asked + one.before * rest
  if c.kind == 'rolling' and expected > 0 then expected = expected * (c.slots + 1) / c.slots + one.last end
  return math.max(used(one.s, c), expected)
end

local function share_of(s, c, mine, now)
  local all, weights, left = {}, 0, c.amount
  for _, one in pairs(s.consumers) do
    all[#all + 1] = { wanted(one, c, now), one.weight }
    weights = weights + one.weight
  end
  table.sort(all, function(a, b) return a[1] / a[2] < b[1] / b[2] end)
  local share = nil
  for _, one in ipairs(all) do
    if one[1] * weights > left * one[2] then share = left / weights * mine.weight; break end
    left = left - one[1]
    weights = weights - one[2]
  end
  share = share or wanted(mine, c, now) + math.max(0, left)
  return math.max(share > 0 and 1 or 0, math.floor(share + 0.5))
end
`;

/**
 * KEYS: one per counter, then that of the deduplication id and that of the same id in the other direction (empty: none). ARGV[1]: `RedisCharge` as JSON.
 * Gives: code, granted, limit, remaining, resetMs, validMs, and 1 when the id was known; code 8 refused, 9 too many consumers.
 */
export const allocateScript = `${counting}${sharing}
local q = cjson.decode(ARGV[1])
local now = clock()
local id_key = KEYS[#q.counters + 1]
local known = id_key ~= '' and redis.call('GET', id_key)
local states, mine = {}, {}

for i, c in ipairs(q.counters) do
  local raw = redis.call('GET', KEYS[i])
  local s = raw and cmsgpack.unpack(raw)
  if not s or s.c.shape ~= c.shape then s = begin(c, now) end
  s.c = c
  advance(s, c, now)
  states[i] = s
  if c.consumer then
    advance_consumers(s, c, now)
    mine[i] = join(s, c, now)
    if not mine[i] then return { '9', '0', '0', '0', '1000', '0' } end
    if q.amount > 0 and not known then
      mine[i].asked = mine[i].asked + q.amount
      mine[i].last = q.amount
    end
  end
end

local function available(i)
  local s, c = states[i], q.counters[i]
  local left = remaining(s, c)
  if mine[i] then left = math.min(left, share_of(s, c, mine[i], now) - used(mine[i].s, c)) end
  return math.max(0, left)
end

local granted = q.amount
if known then
  granted = tonumber(known)
elseif q.amount < 0 then
  for i, c in ipairs(q.counters) do
    if mine[i] then give(mine[i].s, c, -q.amount, q.id) end
    local given = give(states[i], c, -q.amount, q.id)
    if i == 1 then granted = given end
  end
else
  for i, c in ipairs(q.counters) do
    local left = available(i)
    if c.kind == 'concurrency' and #states[i].leases >= 10000 then left = 0 end
    if not q.isForced and left < granted then granted = q.isBestEffort and left or 0 end
  end
  if granted > 0 then
    for i, c in ipairs(q.counters) do
      if mine[i] then take(mine[i].s, c, granted, now, q.id) end
      take(states[i], c, granted, now, q.id)
    end
  end
end

for i, c in ipairs(q.counters) do
  local s = states[i]
  if known and c.kind == 'concurrency' then
    local rest, own = {}, {}
    for _, lease in ipairs(s.leases) do
      if lease[1] == q.id then lease[3] = now + c.leaseMs; own[#own + 1] = lease else rest[#rest + 1] = lease end
    end
    for _, lease in ipairs(own) do rest[#rest + 1] = lease end
    s.leases = rest
  end
  local ms = lasting(s, c, now)
  if ms then redis.call('SET', KEYS[i], cmsgpack.pack(s), 'PX', math.ceil(ms))
  else redis.call('SET', KEYS[i], cmsgpack.pack(s)) end
end
local other_key = KEYS[#q.counters + 2]
if other_key ~= '' and not known then redis.call('DEL', other_key) end
if id_key ~= '' and not known and granted > 0 then
  redis.call('SET', id_key, string.format('%.0f', granted), 'PX', q.deduplicationMs)
end

local tight, least = 1, available(1)
for i = 2, #q.counters do
  local left = available(i)
  if left < least then tight, least = i, left end
end
local refused = q.amount > 0 and granted == 0
local reset, usable = 0, math.huge
for i, c in ipairs(q.counters) do
  if refused then reset = math.max(1, reset, wait(states[i], c, q.amount, now)) end
  usable = math.min(usable, valid(states[i], c, now))
end
if not refused then reset = wait(states[tight], q.counters[tight], q.counters[tight].amount, now) end
local function digits(n) return string.format('%.0f', n) end
return { refused and '8' or '0', digits(granted), digits(q.counters[tight].amount), digits(least), digits(reset), digits(usable), known and '1' or '0' }
`;

/** KEYS: counters. Gives for each, unless it is gone: key, kind, limit, used, remaining, resetMs, then consumer, used, share of each. */
export const inspectScript = `${counting}${sharing}
local now, found = clock(), {}
local function digits(n) return string.format('%.0f', n) end
for _, key in ipairs(KEYS) do
  local raw = redis.call('GET', key)
  if raw then
    local s = cmsgpack.unpack(raw)
    local c = s.c
    advance(s, c, now)
    local line = { key, c.kind, digits(c.amount), digits(used(s, c)), digits(remaining(s, c)), digits(wait(s, c, c.amount, now)) }
    if s.consumers then
      advance_consumers(s, c, now)
      for name, one in pairs(s.consumers) do
        line[#line + 1] = name
        line[#line + 1] = digits(used(one.s, c))
        line[#line + 1] = digits(share_of(s, c, one, now))
      end
    end
    found[#found + 1] = line
  end
end
return found
`;
