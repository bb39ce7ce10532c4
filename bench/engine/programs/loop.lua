local x, y, s = 1, 2, 0
for i = 1, 15000000 do
  x = (x * 3 + i) % 65537
  y = y + x * 0.5
  if x > 32768 then s = s + 1 else s = s - 1 end
end
print(x, s, string.format("%.1f", y))
