local t = {}
for i = 1, 150000 do t["key" .. i] = i end
local s = 0
for r = 1, 3 do for i = 1, 150000 do s = s + t["key" .. i] end end
local c = 0
for k, v in pairs(t) do c = c + v end
for i = 1, 150000, 2 do t["key" .. i] = nil end
local left = 0
for k in pairs(t) do left = left + 1 end
print(string.format("%.0f %.0f %d", s, c, left))
