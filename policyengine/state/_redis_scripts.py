"""The Lua scripts of the store `redis`: each one is atomic, and one round trip.

INVARIANT: nothing of a request is ever part of a script. Names are in KEYS, numbers and texts in
ARGV, and every key that a script touches is in its KEYS, so that a cluster can route it.

A counter is a hash: `s<slot>` is what was settled in a slot, `h<slot>` what is held. Beside it lies
a sorted set of the single holds, `<slot>:<amount>:<id>`, by when they expire, so that what has
expired is found and given back by whoever comes next, without a list of all reservations that every
gateway would fight over. The field `s<slot>` of the latest slot is always there: by it a clock that
was set back is seen.

Numbers travel as doubles (`struct`): Lua knows no others. Whole numbers up to 2^53 are exact in
them, larger ones are refused before they are sent, and sums stop there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

# How a script answers when it has neither held nor refused.
AGAIN: Final = -1
SKEWED: Final = -2
OVER: Final = -3
TOO_MUCH: Final = -4
# What stands before the former expiry and amounts, where they were raised.
RAISED: Final = -5

# What all scripts share. A script is run from its first line by every call, so what few need stands
# apart from it.
_COMMON: Final = """\
local call, format = redis.call, string.format
local MOST = 9007199254740992

-- tostring() would round above 10^14. Adding nothing makes `0` of `-0`, which HINCRBY would refuse.
local function text(number) return format('%.0f', number + 0) end

-- A time to live: a second at least, a hundred years at most.
local function milliseconds(seconds)
  if seconds < 1 then return 1000 end
  if seconds > 3153600000 then return 3153600000000 end
  return math.ceil(seconds * 1000)
end

-- Sets a time to live unless what is left is longer.
local function keep(key, seconds)
  local wanted = milliseconds(seconds)
  if call('PTTL', key) < wanted then call('PEXPIRE', key, text(wanted)) end
end

-- Never below nothing: a server that evicts keys may have lost the counter and kept its holds.
local function lower(counter, field, amount)
  if amount ~= '0' and call('HINCRBY', counter, field, '-' .. amount) < 0 then
    call('HSET', counter, field, '0')
  end
end

-- What became of an id: `{state, expires, slot, amount, slot, amount, ...}`, slots and amounts as
-- texts, or its state alone.
local function record(packed)
  if packed and #packed > 1 then return cmsgpack.unpack(packed) end
  return packed and {packed}
end
"""

_LOOKING: Final = """
local sub, byte = string.sub, string.byte
local HELD, SETTLED = 104, 115

local function server_time()
  local time = call('TIME')
  return time[1] + time[2] / 1000000
end

-- Gives back what has expired: a hundred holds at once, so that no call blocks the server.
local GIVEN = 100
local function give_back(counter, holds, now)
  local over = call('ZRANGEBYSCORE', holds, '-inf', now, 'LIMIT', '0', '100')
  local sums = {}
  for _, hold in ipairs(over) do
    local slot, amount = string.match(hold, '^(%-?%d+):(%d+):')
    sums[slot] = (sums[slot] or 0) + amount
  end
  for slot, amount in pairs(sums) do lower(counter, 'h' .. slot, text(amount)) end
  if #over > 0 then call('ZREM', holds, unpack(over)) end
  local next = call('ZRANGE', holds, '0', '0', 'WITHSCORES')
  -- A counter that is not there is not made by looking at it.
  if next[2] and call('EXISTS', counter) == 1 then call('HSET', counter, 'e', next[2]) end
  return #over, next[2] and tonumber(next[2])
end

-- A counter as it stands for a slot, which a later one takes the place of: slot, since, settled,
-- held, what is held in the slot, whether it is marked, what has left the window, before when no
-- hold expires, until when both keys live, and all fields.
local function read(flat, slot, since)
  local spent, held, here, marked, gone, due, lives = 0, 0, 0, false, nil, nil, 0
  for i = 1, #flat, 2 do
    local field = flat[i]
    local kind, amount = byte(field), tonumber(flat[i + 1])
    if kind == HELD or kind == SETTLED then
      local at = tonumber(sub(field, 2))
      if at > slot then return read(flat, at, since + (at - slot)) end
      if at < since then
        gone = gone or {}
        gone[#gone + 1] = field
      elseif kind == SETTLED then
        spent = spent + amount
        marked = marked or at == slot
      else
        held = held + amount
        if at == slot then here = amount end
      end
    elseif field == 'e' then
      due = amount
    else
      lives = amount
    end
  end
  return {slot, since, spent, held, here, marked, gone, due, lives, flat}
end
local SLOT, SINCE, SPENT, HOLDS, HERE = 1, 2, 3, 4, 5
local MARKED, GONE, DUE, LIVES, FLAT = 6, 7, 8, 9, 10

-- The same without what has expired; nothing if so much has that the caller must come again. What
-- still fits is not kept waiting, but no refusal rests on what has expired.
local function look(counter, holds, now, slot, since, room)
  local found = read(call('HGETALL', counter), slot, since)
  if found[DUE] and found[DUE] > now then return found end
  for _ = 1, 20 do
    local given, due = give_back(counter, holds, now)
    if given > 0 then found = read(call('HGETALL', counter), slot, since) end
    found[DUE] = due
    if given < GIVEN or found[SPENT] + found[HOLDS] <= room then return found end
  end
end

-- A counter for the caller: position, settled, held, and amounts by slot.
local function standing(position, found)
  local sums, slots, answer = {}, {}, {position, found[SPENT], found[HOLDS]}
  local flat = found[FLAT]
  for i = 1, #flat, 2 do
    local kind = byte(flat[i])
    if kind == HELD or kind == SETTLED then
      local slot, amount = tonumber(sub(flat[i], 2)), tonumber(flat[i + 1])
      if slot >= found[SINCE] and amount > 0 then
        if not sums[slot] then slots[#slots + 1] = slot end
        sums[slot] = (sums[slot] or 0) + amount
      end
    end
  end
  table.sort(slots)
  for _, slot in ipairs(slots) do
    answer[#answer + 1] = slot
    answer[#answer + 1] = sums[slot]
  end
  return answer
end

-- Writes a hold of an id into a counter that was looked at, in place of `former`. Slot and both
-- amounts are texts.
local function write(counter, holds, found, id, slot, amount, former, now, expires, lasts, time)
  local lives, field = math.max(lasts, expires - now), 'h' .. slot
  local hold, changes = slot .. ':' .. amount .. ':' .. id, nil
  if former then
    call('ZREM', holds, slot .. ':' .. former .. ':' .. id)
    call('ZADD', holds, expires, hold)
    call('HINCRBY', counter, field, text(amount - former))
    changes = {counter}
  else
    -- If the same was held before, has expired and was not given back yet, it is held once.
    local new = call('ZADD', holds, expires, hold)
    changes = {counter, field, text(found[HERE] + amount * new)}
    if not found[MARKED] then
      -- By the latest slot it is seen that a clock was set back, also when nothing is held there.
      changes[4], changes[5] = 's' .. slot, '0'
    end
  end
  if not found[DUE] or expires < found[DUE] then
    changes[#changes + 1] = 'e'
    changes[#changes + 1] = format('%.17g', expires)
  end
  if found[LIVES] < time + lives then
    -- An eighth more, so that not every call renews it. `x` is until when both keys live; a member
    -- that never expires keeps the set, and with it its time to live, when it has no holds.
    local wanted = math.ceil(milliseconds(lives) * 1.125) + 1000
    changes[#changes + 1] = 'x'
    changes[#changes + 1] = text(math.floor(time + wanted / 1000))
    call('HSET', unpack(changes))
    call('ZADD', holds, '+inf', '-')
    call('PEXPIRE', counter, text(wanted))
    call('PEXPIRE', holds, text(wanted + 60000))
  elseif #changes > 1 then
    call('HSET', unpack(changes))
  end
  -- A call takes some thousand arguments; what is left over goes with the next.
  local gone = found[GONE]
  if gone then call('HDEL', counter, unpack(gone, 1, math.min(#gone, 1000))) end
end

-- What was done with an id, unless it was held and that has expired: then it may be held anew.
local function done(key, now)
  local found = record(call('GET', key))
  if found and (found[1] == 'h' or found[1] == 't') and found[2] <= now then return nil end
  return found
end
"""

# KEYS: the id, then counter and holds of each charge.
# ARGV: now, expires, server's clock?, most skew, remembered, mode, least; amount, limit, slot,
# since, lasts of each charge; the id.
_HOLD: Final = """
local RESERVE, TAKE, TRY = 0, 1, 2
local now, expires, server, most, remembered, mode, least, at = struct.unpack('<ddddddd', ARGV[1])
local time = server_time()
if server == 1 then
  local ahead = time - now
  if math.abs(ahead) > most then return {-2, math.floor(ahead)} end
  now, expires = time, expires + ahead
end
if mode == TAKE then
  local found = done(KEYS[1], now)
  if found then return {tonumber(found[4] or 0)} end
end

local count, refused, rest = (#KEYS - 1) / 2, nil, math.max(expires - now, 0)
local kept, seen, lasting = {mode == TAKE and 't' or 'h', expires}, {}, {}
for i = 1, count do
  local amount, limit, slot, since, lasts
  amount, limit, slot, since, lasts, at = struct.unpack('<ddddd', ARGV[1], at)
  local found = look(KEYS[2 * i], KEYS[2 * i + 1], now, slot, since, limit - amount)
  if not found then return -1 end
  local used = found[SPENT] + found[HOLDS]
  if mode == TAKE then
    amount = math.min(amount, limit - used, MOST - used)
    if amount < least or amount <= 0 then return {0} end
  elseif used > limit - amount then
    refused = refused or {}
    refused[#refused + 1] = standing(i - 1, found)
  elseif used > MOST - amount then
    return done(KEYS[1], now) and 0 or -4
  end
  seen[i], lasting[i] = found, lasts
  kept[2 * i + 1], kept[2 * i + 2] = text(found[SLOT]), text(amount)
end
if mode == TRY or refused then
  -- What is held already has its room.
  if not refused or done(KEYS[1], now) then return 0 end
  return refused
end
local lives = text(milliseconds(remembered + rest))
local packed = cmsgpack.pack(kept)
if not call('SET', KEYS[1], packed, 'PX', lives, 'NX') then
  if done(KEYS[1], now) then return 0 end
  call('SET', KEYS[1], packed, 'PX', lives)
end
for i = 1, count do
  write(KEYS[2 * i], KEYS[2 * i + 1], seen[i], ARGV[2], kept[2 * i + 1], kept[2 * i + 2], nil,
    now, expires, lasting[i], time)
end
if mode == TAKE then return {tonumber(kept[4])} end
return 0
"""

# KEYS and ARGV as above, but that `expires` is by the clock that counts where what was raised is
# put back. Answers when it expired and the former amounts, or those that have no room; only the
# latter where it is tried.
_RAISE: Final = """
local now, expires, server, most, remembered, mode, least, at = struct.unpack('<ddddddd', ARGV[1])
local TRY, RESTORE = 2, 3
local time = server_time()
if mode == RESTORE then
  now = server == 1 and time or now
elseif server == 1 then
  local ahead = time - now
  if math.abs(ahead) > most then return {-2, math.floor(ahead)} end
  now, expires = time, expires + ahead
end
local count = (#KEYS - 1) / 2
local found = record(call('GET', KEYS[1]))
if not found or (found[1] ~= 'h' and found[1] ~= 't') then return -3 end
if #found ~= 2 + 2 * count or found[2] <= now then return -3 end
for i = 1, count do
  -- A gateway with a fast clock may have given a hold back already.
  local hold = found[2 * i + 1] .. ':' .. found[2 * i + 2] .. ':' .. ARGV[2]
  if not call('ZSCORE', KEYS[2 * i + 1], hold) then return -3 end
end

local refused, seen, former, amounts, lasting = {}, {}, {}, {}, {}
for i = 1, count do
  local amount, limit, slot, since, lasts
  amount, limit, slot, since, lasts, at = struct.unpack('<ddddd', ARGV[1], at)
  local held = tonumber(found[2 * i + 2])
  local there = look(KEYS[2 * i], KEYS[2 * i + 1], now, slot, since, limit - amount + held)
  if not there then return -1 end
  -- Not `used + amount > limit`: what is above MOST is rounded.
  local used = there[SPENT] + there[HOLDS] - held
  if used > limit - amount then
    refused[#refused + 1] = standing(i - 1, there)
  elseif used > MOST - amount then
    return -4
  end
  seen[i], former[i], amounts[i], lasting[i] = there, held, text(amount), lasts
end
if #refused > 0 or mode == TRY then return refused end

local before = string.format('%.17g', found[2])
if mode ~= RESTORE then expires = math.max(expires, found[2]) end
found[2] = expires
for i = 1, count do
  write(KEYS[2 * i], KEYS[2 * i + 1], seen[i], ARGV[2], found[2 * i + 1], amounts[i],
    found[2 * i + 2], now, expires, lasting[i], time)
  found[2 * i + 2] = amounts[i]
end
local lives = text(milliseconds(remembered + math.max(expires - now, 0)))
call('SET', KEYS[1], cmsgpack.pack(found), 'PX', lives)
return {-5, before, unpack(former)}
"""

# KEYS as above. ARGV: remembered, mode; amount, slot, lasts of each hold; the id.
_FINISH: Final = """
local SETTLE, RELEASE, UNDO = 0, 1, 2
local remembered, mode, at = struct.unpack('<dd', ARGV[1])
local lives = text(milliseconds(remembered))
local packed
if mode == UNDO then
  packed = call('GET', KEYS[1])
  if not packed then return 0 end
else
  -- One call in place of two, as nearly always it was not done before.
  packed = call('SET', KEYS[1], mode == SETTLE and 's' or 'r', 'PX', lives, 'GET')
end
local found = record(packed) or {}
local state = found[1]
if state and state ~= 'h' and state ~= 't' then
  if mode ~= UNDO then call('SET', KEYS[1], packed, 'PX', lives) end
  return 0
end
if mode == UNDO then
  call('DEL', KEYS[1])
elseif state == 't' then
  -- What a take took is asked for again; of others only what became of them.
  call('SET', KEYS[1], cmsgpack.pack({'s', found[2], found[3], found[4]}), 'PX', lives)
end
for i = 1, (#KEYS - 1) / 2 do
  local counter, holds = KEYS[2 * i], KEYS[2 * i + 1]
  local amount, slot, lasts
  amount, slot, lasts, at = struct.unpack('<ddd', ARGV[1], at)
  -- Where it was held, which is a later slot if the clock had been set back.
  slot = found[2 * i + 1] or text(slot)
  if found[2 * i + 1] then
    local held = found[2 * i + 2]
    -- What has expired may be given back by now; what is left of a hold is given back once.
    if call('ZREM', holds, slot .. ':' .. held .. ':' .. ARGV[2]) == 1 then
      lower(counter, 'h' .. slot, held)
    end
  end
  if mode == SETTLE then
    local field = 's' .. slot
    local sum = call('HINCRBY', counter, field, text(amount))
    -- No limit is above MOST, so what stops there lets nothing through.
    if sum >= MOST then call('HSET', counter, field, text(MOST)) end
    -- The first of a slot may be the first of a counter.
    if sum == amount then keep(counter, lasts) end
  end
end
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
if server == 1 then now = server_time() end
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
local row = ARGV[1] .. string.sub(there, 9)
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

    source: bytes
    name: bytes


def _script(*parts: str) -> Script:
    source = "".join((_COMMON, *parts)).encode()
    # The server's name for it, and no promise of secrecy.
    return Script(source, hashlib.sha1(source, usedforsecurity=False).hexdigest().encode())


HOLD: Final = _script(_LOOKING, _HOLD)
RAISE: Final = _script(_LOOKING, _RAISE)
FINISH: Final = _script(_FINISH)
REFUND: Final = _script(_REFUND)
STANDING: Final = _script(_LOOKING, _STANDING)
APPEND: Final = _script(_APPEND)
ADD: Final = _script(_ADD)
EXTEND: Final = _script(_EXTEND)
PURGE: Final = _script(_PURGE)
