local Account = {}
Account.__index = Account
function Account.new(b) return setmetatable({ balance = b, n = 0 }, Account) end
function Account:deposit(v) self.balance = self.balance + v; self.n = self.n + 1 end
function Account:get() return self.balance end
local Special = setmetatable({}, { __index = Account })
Special.__index = Special
function Special.new(b) local o = Account.new(b); return setmetatable(o, Special) end
function Special:fee() self.balance = self.balance - 1 end
local a, b = Account.new(0), Special.new(100)
local s = 0
for i = 1, 1500000 do
  a:deposit(i % 7)
  b:deposit(2)
  b:fee()
  s = s + a:get() % 3 + b:get() % 5
end
print(s, a.balance, b.balance, b.n)
