-- The sieve of Eratosthenes over booleans.
local total = 0
for r = 1, 12 do
  local n = 500000
  local composite = {}
  for i = 1, n do composite[i] = false end
  for i = 2, n do
    if not composite[i] then
      total = total + 1
      for j = i + i, n, i do composite[j] = true end
    end
  end
end
print(total)
