-- Decides whether one more call may be made for a client.
--
-- KEYS[1]  sorted set: the calls under way, each with the time at which its place is free anyway
-- KEYS[2]  hash: blocked_until, window, tokens, counted_at
-- ARGV     the call, places, milliseconds that a place is held, calls a second (0: no limit)
--
-- Returns {0, 0} for yes, else why not (1: blocked, 2: full, 3: too fast), and the milliseconds
-- until it may be otherwise. Times are this server's.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local places, hold, rate = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local pace = redis.call('HMGET', KEYS[2], 'blocked_until', 'window', 'tokens', 'counted_at')

local blocked_until = tonumber(pace[1] or 0)
if blocked_until > now then
    return {1, blocked_until - now}
end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local window = math.min(tonumber(pace[2] or places), places)
if redis.call('ZCARD', KEYS[1]) >= window then
    return {2, math.min(250 * (math.floor(places / window) - 1), 5000)}
end

if rate > 0 then
    local gained = (now - tonumber(pace[4] or now)) * rate / 1000
    local tokens = math.min(tonumber(pace[3] or rate) + gained, rate)
    if tokens < 1 then
        return {3, math.ceil((1 - tokens) * 1000 / rate)}
    end
    redis.call('HSET', KEYS[2], 'tokens', tokens - 1, 'counted_at', now)
    redis.call('PEXPIRE', KEYS[2], math.max(redis.call('PTTL', KEYS[2]), 600000))
end

redis.call('ZADD', KEYS[1], now + hold, ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), hold))
return {0, 0}
