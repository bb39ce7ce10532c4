local n = 0
for r = 1, 6 do
  local buf = {}
  for i = 1, 100000 do buf[#buf + 1] = "item " .. i .. "," end
  local s = table.concat(buf)
  n = n + #s
end
local acc = ""
for i = 1, 20000 do acc = acc .. "x" end
print(n, #acc)
