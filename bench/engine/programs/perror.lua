local function bad(x) error("bad") end
local function badt(x) error({ code = x }) end
local e = 0
for i = 1, 60000 do
  local ok = pcall(bad, i)
  if not ok then e = e + 1 end
  local ok2, t = pcall(badt, i)
  if not ok2 then e = e + t.code end
end
print(string.format("%.0f", e))
