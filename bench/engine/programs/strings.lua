-- A log is taken apart with patterns: match, gmatch, find, gsub with a table, byte, rep, reverse, upper.
local lines = {}
for i = 1, 400 do
  lines[i] = string.format("2024-%02d-%02d %02d:%02d:%02d [%s] user=%s id=%d path=/a/b%d/c?q=%d took %d.%03dms",
    i % 12 + 1, i % 28 + 1, i % 24, i % 60, i * 7 % 60, i % 3 == 0 and "WARN" or "INFO", "name" .. i % 37, i, i % 11, i * 31, i % 90, i % 1000)
end
local subst = { WARN = "warning", INFO = "information" }
local total, hash = 0, 0
for r = 1, 60 do
  for _, l in ipairs(lines) do
    local y, m, d = string.match(l, "^(%d+)-(%d+)-(%d+)")
    total = total + tonumber(y) + tonumber(m) + tonumber(d)
    local level = string.match(l, "%[(%u+)%]")
    if level == "WARN" then total = total + 1 end
    for k, v in string.gmatch(l, "(%w+)=([^%s?]+)") do total = total + #k + #v end
    local s = string.gsub(l, "%u%u+", subst)
    local from, to = string.find(s, "took", 1, true)
    total = total + from + to
    local tail = string.sub(s, to + 2)
    for i = 1, #tail do hash = (hash * 31 + string.byte(tail, i)) % 16777213 end
    total = total + #string.upper(string.reverse(tail)) + #string.rep(tail, 3)
    if string.find(l, "id=%d*7 ") then total = total + 1 end
  end
end
print(total, hash)
