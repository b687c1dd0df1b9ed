/**
 * Lua for scripts that look at every owner: `owners_of(statuses, most)` lists those who have jobs, at most `most` if it
 * is given. The members of `statuses` begin with the owner and a colon, and a semicolon sorts after all of an owner's.
 */
export const OWNERS_OF = `
local function owners_of(statuses, most)
  local owners, from = {}, '-'
  while #owners < (most or math.huge) do
    local first = redis.call('ZRANGEBYLEX', statuses, from, '+', 'LIMIT', 0, 1)[1]
    if not first then
      break
    end
    local owner = string.match(first, '^[^:]*')
    owners[#owners + 1] = owner
    from = '[' .. owner .. ';'
  end
  return owners
end
`;
