-- JSON written out and read back by code in the language itself.
local byte, sub, find, format, concat, floor = string.byte, string.sub, string.find, string.format, table.concat, math.floor

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }
local function quote(s)
  return '"' .. string.gsub(s, '[%c"\\]', function(c) return escapes[c] or format("\\u%04x", byte(c)) end) .. '"'
end
local write
local function writeAll(v, out)
  if #v > 0 then
    out[#out + 1] = "["
    for i, x in ipairs(v) do
      if i > 1 then out[#out + 1] = "," end
      write(x, out)
    end
    out[#out + 1] = "]"
    return
  end
  local keys = {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys)
  out[#out + 1] = "{"
  for i, k in ipairs(keys) do
    if i > 1 then out[#out + 1] = "," end
    out[#out + 1] = quote(k)
    out[#out + 1] = ":"
    write(v[k], out)
  end
  out[#out + 1] = "}"
end
function write(v, out)
  local t = type(v)
  if t == "table" then
    writeAll(v, out)
  elseif t == "string" then
    out[#out + 1] = quote(v)
  elseif t == "number" then
    out[#out + 1] = v == floor(v) and format("%d", v) or format("%.14g", v)
  else
    out[#out + 1] = tostring(v)
  end
end

local unescapes = { n = "\n", t = "\t", ["\\"] = "\\", ['"'] = '"', ["/"] = "/" }
local read
local function space(s, i)
  local c = byte(s, i)
  while c == 32 or c == 10 or c == 9 or c == 13 do
    i = i + 1
    c = byte(s, i)
  end
  return i
end
local function readString(s, i)
  local from, parts = i + 1, nil
  while true do
    local at = find(s, '["\\]', from)
    if byte(s, at) == 34 then
      if not parts then return sub(s, i + 1, at - 1), at + 1 end
      parts[#parts + 1] = sub(s, from, at - 1)
      return concat(parts), at + 1
    end
    parts = parts or {}
    parts[#parts + 1] = sub(s, from, at - 1)
    local e = sub(s, at + 1, at + 1)
    if e == "u" then
      parts[#parts + 1] = string.char(tonumber(sub(s, at + 2, at + 5), 16))
      from = at + 6
    else
      parts[#parts + 1] = unescapes[e]
      from = at + 2
    end
  end
end
local function readArray(s, i)
  local t, n = {}, 0
  i = space(s, i + 1)
  while byte(s, i) ~= 93 do
    n = n + 1
    t[n], i = read(s, i)
    i = space(s, i)
    if byte(s, i) == 44 then i = space(s, i + 1) end
  end
  return t, i + 1
end
local function readObject(s, i)
  local t, k = {}, nil
  i = space(s, i + 1)
  while byte(s, i) ~= 125 do
    k, i = readString(s, i)
    i = space(s, i)
    t[k], i = read(s, space(s, i + 1))
    i = space(s, i)
    if byte(s, i) == 44 then i = space(s, i + 1) end
  end
  return t, i + 1
end
function read(s, i)
  local c = byte(s, i)
  if c == 123 then return readObject(s, i) end
  if c == 91 then return readArray(s, i) end
  if c == 34 then return readString(s, i) end
  if c == 116 then return true, i + 4 end
  if c == 102 then return false, i + 5 end
  if c == 110 then return nil, i + 4 end
  local a, b = find(s, "^-?%d+%.?%d*[eE]?[+-]?%d*", i)
  return tonumber(sub(s, a, b)), b + 1
end

local doc = { name = "catalogue", items = {} }
for i = 1, 200 do
  doc.items[i] = {
    id = i, title = 'Item "' .. i .. '"', price = i * 1.25, tags = { "new", "tag" .. i % 7, "line\nbreak" },
    stock = { north = i % 13, south = i % 17, open = i % 2 == 0 }, about = string.rep("word ", i % 10 + 3),
  }
end
local size, sum = 0, 0
for r = 1, 60 do
  local out = {}
  write(doc, out)
  local text = concat(out)
  size = size + #text
  local back = read(text, 1)
  for _, it in ipairs(back.items) do
    sum = sum + it.price + it.stock.north + #it.title + #it.tags[3]
    if it.stock.open then sum = sum + 1 end
  end
end
print(size, sum)
