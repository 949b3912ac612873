-- Takes in that a call has ended, and what it told about the provider.
--
-- KEYS     as in admit.lua
-- ARGV     the call, places, what it told (0: nothing, 1: the provider copes, 2: it does not),
--          milliseconds for which the provider wants to be left alone (0: it did not say)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local places, told, peace = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local pace = redis.call('HMGET', KEYS[2], 'blocked_until', 'window')
local window = tonumber(pace[2] or places)

redis.call('ZREM', KEYS[1], ARGV[1])
if told == 1 and window < places then
    redis.call('HSET', KEYS[2], 'window', window + 1)
elseif told == 2 and peace == 0 then
    redis.call('HSET', KEYS[2], 'window', math.max(math.floor(window / 2), 1))
elseif told == 2 then
    local blocked_until = math.max(tonumber(pace[1] or 0), now + peace)
    redis.call('HSET', KEYS[2], 'blocked_until', blocked_until, 'window', 1)
end
-- What nobody has added to for ten minutes after the last block is not worth knowing.
redis.call('PEXPIRE', KEYS[2], math.max(redis.call('PTTL', KEYS[2]), peace + 600000))
return {}
