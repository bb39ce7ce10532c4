-- Many short-lived trees and one that stays, after the well-known problem.
local function make(depth)
  if depth == 0 then return {} end
  depth = depth - 1
  return { make(depth), make(depth) }
end
local function check(t)
  if t[1] then return 1 + check(t[1]) + check(t[2]) end
  return 1
end
local deepest = 14
print(check(make(deepest + 1)))
local keep = make(deepest)
for d = 4, deepest, 4 do
  local n, sum = 2 ^ (deepest - d + 4), 0
  for i = 1, n do sum = sum + check(make(d)) end
  print(n, d, sum)
end
print(check(keep))
