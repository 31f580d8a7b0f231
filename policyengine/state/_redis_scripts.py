"""The Lua scripts of the store `redis`: each one is atomic, and one round trip.

INVARIANT: nothing of a request is ever part of a script. Names are in KEYS, numbers and texts in
ARGV, and every key that a script touches is in its KEYS, so that a cluster can route it.

A counter is a hash: `s<slot>` is what was settled in a slot, `h<slot>` what is held. Beside it lies
a sorted set of the single holds, `<slot>:<amount>:<id>`, by when they expire, so that what has
expired is found and given back by whoever comes next, without a list of all reservations that every
gateway would fight over. The field `s<slot>` of the latest slot is always there: by it a clock that
was set back is seen. An id's record is `{state, expires, slot, amount, slot, amount, ...}`.

Numbers travel as doubles (`struct`): Lua knows no others. Whole numbers up to 2^53 are exact in
them, larger ones are refused before they are sent, and sums stop there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

# The largest number up to which doubles have all whole numbers: nine billion dollars.
MOST: Final = 2**53

# How a script answers when it has neither held nor refused.
AGAIN: Final = -1
SKEWED: Final = -2
OVER: Final = -3
TOO_MUCH: Final = -4
# What stands before the former amounts, where they were raised.
RAISED: Final = -5

_COMMON: Final = """\
local call, sub = redis.call, string.sub
local MOST = 9007199254740992

-- tostring() would round above 10^14.
local function text(number) return string.format('%.0f', number) end

-- A time to live: a second at least, a hundred years at most.
local function milliseconds(seconds)
  return math.ceil(math.min(math.max(seconds, 1), 3153600000) * 1000)
end

-- Sets a time to live unless what is left is longer. An eighth more, so that a counter in use is
-- not given a new one by every call.
local function keep(key, seconds)
  local wanted = milliseconds(seconds)
  if call('PTTL', key) < wanted then
    call('PEXPIRE', key, text(math.ceil(wanted * 1.125) + 1000))
  end
end

-- By how much the server's clock is ahead of the caller's, where the server's counts.
local function shift(server, now)
  if server == 0 then return 0 end
  local time = call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1000000 - now
end

-- Never below nothing: a server that evicts keys may have lost the counter and kept its holds.
local function lower(counter, field, amount)
  if call('HINCRBY', counter, field, text(-amount)) < 0 then call('HSET', counter, field, '0') end
end

-- No limit is above MOST, so what stops there lets nothing through.
local function settle(counter, slot, amount)
  local field = 's' .. text(slot)
  if call('HINCRBY', counter, field, text(amount)) > MOST then
    call('HSET', counter, field, text(MOST))
  end
end

local function member(slot, amount, id) return text(slot) .. ':' .. text(amount) .. ':' .. id end

-- Gives back what has expired: a hundred holds at once, so that no call blocks the server.
local GIVEN = 100
local function give_back(counter, holds, now)
  local over = call('ZRANGEBYSCORE', holds, '-inf', now, 'LIMIT', '0', tostring(GIVEN))
  if #over == 0 then return 0 end
  local sums = {}
  for _, hold in ipairs(over) do
    local slot, amount = string.match(hold, '^(%-?%d+):(%d+):')
    sums[slot] = (sums[slot] or 0) + tonumber(amount)
  end
  for slot, amount in pairs(sums) do lower(counter, 'h' .. slot, amount) end
  call('ZREM', holds, unpack(over))
  return #over
end

-- A counter as it stands for a slot, which a later one takes the place of.
local function read(counter, slot, since)
  local flat = call('HGETALL', counter)
  local last = slot
  for i = 1, #flat, 2 do
    local at = tonumber(sub(flat[i], 2))
    if at > last then last = at end
  end
  local found = {slot = last, since = since + (last - slot), spent = 0, held = 0, gone = {}}
  found.flat = flat
  for i = 1, #flat, 2 do
    local field = flat[i]
    if tonumber(sub(field, 2)) < found.since then
      found.gone[#found.gone + 1] = field
    elseif sub(field, 1, 1) == 's' then
      found.spent = found.spent + tonumber(flat[i + 1])
    else
      found.held = found.held + tonumber(flat[i + 1])
    end
  end
  return found
end

-- The same without what has expired; nothing if so much has that the caller must come again. What
-- still fits is not kept waiting, but no refusal rests on what has expired.
local function look(counter, holds, now, slot, since, room)
  for _ = 1, 20 do
    local given = give_back(counter, holds, now)
    local found = read(counter, slot, since)
    if given < GIVEN or found.spent + found.held <= room then return found end
  end
end

-- A counter for the caller: position, settled, held, and amounts by slot.
local function standing(position, found)
  local sums, slots, answer = {}, {}, {position, found.spent, found.held}
  for i = 1, #found.flat, 2 do
    local slot, amount = tonumber(sub(found.flat[i], 2)), tonumber(found.flat[i + 1])
    if slot >= found.since and amount > 0 then
      if not sums[slot] then slots[#slots + 1] = slot end
      sums[slot] = (sums[slot] or 0) + amount
    end
  end
  table.sort(slots)
  for _, slot in ipairs(slots) do
    answer[#answer + 1] = slot
    answer[#answer + 1] = sums[slot]
  end
  return answer
end

local function record(key)
  local packed = call('GET', key)
  return packed and cmsgpack.unpack(packed)
end

local function remember(key, found, seconds)
  call('SET', key, cmsgpack.pack(found), 'PX', text(milliseconds(seconds)))
end
"""

# KEYS: the id, then counter and holds of each charge.
# ARGV: now, expires, server's clock?, most skew, remembered, mode, least; amount, limit, slot,
# since, lasts of each charge; the id.
_HOLD: Final = """
local TAKE, TRY = 1, 2
local now, expires, server, most, remembered, mode, least, at = struct.unpack('<ddddddd', ARGV[1])
local found = record(KEYS[1])
if found then
  if mode == TAKE then return {found[4] or 0} end
  return 0
end
local ahead = shift(server, now)
if math.abs(ahead) > most then return {-2, math.floor(ahead)} end
now, expires = now + ahead, expires + ahead

local plan, refused = {}, {}
for i = 1, (#KEYS - 1) / 2 do
  local amount, limit, slot, since, lasts
  amount, limit, slot, since, lasts, at = struct.unpack('<ddddd', ARGV[1], at)
  local seen = look(KEYS[2 * i], KEYS[2 * i + 1], now, slot, since, limit - amount)
  if not seen then return -1 end
  local used = seen.spent + seen.held
  if mode == TAKE then
    amount = math.min(amount, limit - used, MOST - used)
    if amount < least or amount <= 0 then return {0} end
  elseif used + amount > limit then
    refused[#refused + 1] = standing(i - 1, seen)
  elseif used + amount > MOST then
    return -4
  end
  plan[i] = {seen, amount, lasts}
end
if #refused > 0 then return refused end
if mode == TRY then return 0 end

local kept = {'h', expires}
for i, part in ipairs(plan) do
  local counter, holds = KEYS[2 * i], KEYS[2 * i + 1]
  local seen, amount, lasts = part[1], part[2], part[3]
  local slot = text(seen.slot)
  -- A call takes some thousand arguments; what is left over goes with the next.
  if #seen.gone > 0 then call('HDEL', counter, unpack(seen.gone, 1, math.min(#seen.gone, 1000))) end
  call('HSETNX', counter, 's' .. slot, '0')
  call('HINCRBY', counter, 'h' .. slot, text(amount))
  call('ZADD', holds, expires, member(seen.slot, amount, ARGV[2]))
  local lives = math.max(lasts, expires - now)
  keep(counter, lives)
  keep(holds, lives)
  kept[2 * i + 1], kept[2 * i + 2] = seen.slot, amount
end
remember(KEYS[1], kept, remembered + math.max(expires - now, 0))
if mode == TAKE then return {plan[1][2]} end
return 0
"""

# KEYS and ARGV as above. Answers the former amounts, or those that have no room.
_RAISE: Final = """
local now, expires, server, most, remembered, mode, least, at = struct.unpack('<ddddddd', ARGV[1])
local ahead = shift(server, now)
if math.abs(ahead) > most then return {-2, math.floor(ahead)} end
now, expires = now + ahead, expires + ahead
local count = (#KEYS - 1) / 2
local found = record(KEYS[1])
if not found or found[1] ~= 'h' or found[2] <= now or #found ~= 2 + 2 * count then return -3 end
for i = 1, count do
  -- A gateway with a fast clock may have given a hold back already.
  local hold = member(found[2 * i + 1], found[2 * i + 2], ARGV[2])
  if not call('ZSCORE', KEYS[2 * i + 1], hold) then return -3 end
end

local plan, refused, former = {}, {}, {}
for i = 1, count do
  local amount, limit, slot, since, lasts
  amount, limit, slot, since, lasts, at = struct.unpack('<ddddd', ARGV[1], at)
  local held = found[2 * i + 2]
  local seen = look(KEYS[2 * i], KEYS[2 * i + 1], now, slot, since, limit - amount + held)
  if not seen then return -1 end
  local used = seen.spent + seen.held - held + amount
  if used > limit then
    refused[#refused + 1] = standing(i - 1, seen)
  elseif used > MOST then
    return -4
  end
  plan[i] = {amount, lasts}
  former[i] = held
end
if #refused > 0 then return refused end

found[2] = expires
for i, part in ipairs(plan) do
  local counter, holds, slot = KEYS[2 * i], KEYS[2 * i + 1], found[2 * i + 1]
  call('ZREM', holds, member(slot, former[i], ARGV[2]))
  call('ZADD', holds, expires, member(slot, part[1], ARGV[2]))
  call('HINCRBY', counter, 'h' .. text(slot), text(part[1] - former[i]))
  local lives = math.max(part[2], expires - now)
  keep(counter, lives)
  keep(holds, lives)
  found[2 * i + 2] = part[1]
end
remember(KEYS[1], found, remembered + math.max(expires - now, 0))
return {-5, unpack(former)}
"""

# KEYS as above. ARGV: remembered, mode; amount, slot, lasts of each hold; the id.
_FINISH: Final = """
local SETTLE, RELEASE, UNDO = 0, 1, 2
local remembered, mode, at = struct.unpack('<dd', ARGV[1])
local found = record(KEYS[1])
if found and found[1] ~= 'h' then return 0 end
if mode == UNDO and not found then return 0 end
for i = 1, (#KEYS - 1) / 2 do
  local counter, holds = KEYS[2 * i], KEYS[2 * i + 1]
  local amount, slot, lasts
  amount, slot, lasts, at = struct.unpack('<ddd', ARGV[1], at)
  if found and found[2 * i + 1] then
    -- Where it was held, which is a later slot if the clock had been set back.
    slot = found[2 * i + 1]
    -- What has expired may be given back by now; what is left of a hold is given back once.
    if call('ZREM', holds, member(slot, found[2 * i + 2], ARGV[2])) == 1 then
      lower(counter, 'h' .. text(slot), found[2 * i + 2])
    end
  end
  if mode == SETTLE then
    settle(counter, slot, amount)
    keep(counter, lasts)
  end
end
if mode == UNDO then
  call('DEL', KEYS[1])
  return 1
end
-- What a take took is asked for again; of others only what became of them.
local left = {mode == SETTLE and 's' or 'r'}
if found and #found == 4 then left = {left[1], found[2], found[3], found[4]} end
remember(KEYS[1], left, remembered)
return 1
"""

# KEYS: the refund's id, then the counters. ARGV: remembered; amount, slot of each hold.
_REFUND: Final = """
if call('EXISTS', KEYS[1]) == 1 then return 0 end
local remembered, at = struct.unpack('<d', ARGV[1])
for i = 2, #KEYS do
  local amount, slot
  amount, slot, at = struct.unpack('<dd', ARGV[1], at)
  local field = 's' .. text(slot)
  local there = tonumber(call('HGET', KEYS[i], field) or '0')
  if there > 0 then call('HINCRBY', KEYS[i], field, text(-math.min(there, amount))) end
end
call('SET', KEYS[1], 'f', 'PX', text(milliseconds(remembered)))
return 1
"""

# KEYS: counter and holds of each charge. ARGV: now, server's clock?; slot, since of each charge.
_STANDING: Final = """
local now, server, at = struct.unpack('<dd', ARGV[1])
now = now + shift(server, now)
local answer = {}
for i = 1, #KEYS / 2 do
  local slot, since
  slot, since, at = struct.unpack('<dd', ARGV[1], at)
  local seen = look(KEYS[2 * i - 1], KEYS[2 * i], now, slot, since, -1)
  if not seen then return -1 end
  answer[i] = standing(i - 1, seen)
end
return answer
"""

# KEYS: the stream. ARGV: the event with its expiry before it, how many are kept, for how long.
_APPEND: Final = """
call('RPUSH', KEYS[1], ARGV[1])
call('LTRIM', KEYS[1], '-' .. ARGV[2], '-1')
keep(KEYS[1], tonumber(ARGV[3]))
return 1
"""

# A row is its expiry (a double; infinity: never) and its value. KEYS: the row. ARGV: the row, when
# the server may forget it in milliseconds since 1970 (empty: never), now.
_ADD: Final = """
local there = call('GET', KEYS[1])
if there and struct.unpack('<d', there) > tonumber(ARGV[3]) then return there end
if ARGV[2] == '' then
  call('SET', KEYS[1], ARGV[1])
else
  call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
end
return ARGV[1]
"""

# KEYS: the row. ARGV: the new expiry as eight bytes, and as above.
_EXTEND: Final = """
local there = call('GET', KEYS[1])
if not there then return 0 end
local row = ARGV[1] .. sub(there, 9)
if ARGV[2] == '' then
  call('SET', KEYS[1], row)
else
  call('SET', KEYS[1], row, 'PXAT', ARGV[2])
end
return 1
"""

# KEYS: rows. ARGV: now.
_PURGE: Final = """
local count = 0
for _, key in ipairs(KEYS) do
  local there = call('GETRANGE', key, '0', '7')
  if #there == 8 and struct.unpack('<d', there) <= tonumber(ARGV[1]) then
    count = count + call('DEL', key)
  end
end
return count
"""


@dataclass(frozen=True, slots=True)
class Script:
    """A script, and the name by which a server that has it knows it (`EVALSHA`)."""

    source: str
    name: str


def _script(body: str) -> Script:
    source = _COMMON + body
    # The server's name for it, and no promise of secrecy.
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


HOLD: Final = _script(_HOLD)
RAISE: Final = _script(_RAISE)
FINISH: Final = _script(_FINISH)
REFUND: Final = _script(_REFUND)
STANDING: Final = _script(_STANDING)
APPEND: Final = _script(_APPEND)
ADD: Final = _script(_ADD)
EXTEND: Final = _script(_EXTEND)
PURGE: Final = _script(_PURGE)
