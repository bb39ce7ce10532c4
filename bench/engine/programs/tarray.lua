local total = 0
for r = 1, 12 do
  local t = {}
  for i = 1, 500000 do t[i] = i * 2 end
  local s = 0
  for i = 1, #t do s = s + t[i] end
  for i, v in ipairs(t) do s = s - v / 2 end
  total = total + s
end
print(string.format("%.0f", total))
