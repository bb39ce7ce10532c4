-- A small operating system: tasks of several classes pass packets through queues
-- under a scheduler by priority. After the well-known problem, written anew.
local Packet = {}
Packet.__index = Packet
function Packet.new(link, id, kind)
  return setmetatable({ link = link, id = id, kind = kind, datum = 0, data = { 0, 0, 0, 0 } }, Packet)
end
function Packet:append(queue)
  self.link = nil
  if not queue then return self end
  local p = queue
  while p.link do p = p.link end
  p.link = self
  return queue
end

local Task = {}
Task.__index = Task
function Task.new(class, os, id, priority, queue)
  local t = setmetatable({ os = os, id = id, priority = priority, queue = queue, held = false, waiting = queue == nil, ready = queue ~= nil, next = os.list }, class)
  os.list = t
  os.table[id] = t
  return t
end
function Task:blocked() return self.held or (self.waiting and not self.ready) end
function Task:take()
  local p = self.queue
  self.queue = p.link
  self.ready = self.queue ~= nil
  return p
end
function Task:give(p, from)
  if not self.queue then
    self.queue = p
    self.ready = true
    p.link = nil
    if self.priority > from.priority then return self end
  else
    p:append(self.queue)
  end
  return from
end

local function class()
  local c = setmetatable({}, { __index = Task })
  c.__index = c
  return c
end
local Idle, Worker, Handler, Device = class(), class(), class(), class()

local Os = {}
Os.__index = Os
function Os.new() return setmetatable({ list = nil, table = {}, current = nil, queued = 0, holds = 0 }, Os) end
function Os:hold()
  self.holds = self.holds + 1
  self.current.held = true
  return self.current.next
end
function Os:release(id)
  local t = self.table[id]
  t.held = false
  if t.priority > self.current.priority then return t end
  return self.current
end
function Os:wait()
  self.current.waiting = true
  return self.current
end
function Os:queue(p)
  local t = self.table[p.id]
  self.queued = self.queued + 1
  p.link = nil
  p.id = self.current.id
  return t:give(p, self.current)
end
function Os:schedule()
  self.current = self.list
  while self.current do
    local t = self.current
    if t:blocked() then
      self.current = t.next
    else
      local p = nil
      if t.waiting and t.ready then
        p = t:take()
        t.waiting = false
      end
      self.current = t:run(p)
    end
  end
end

local IDLE, WORKER, HANDLER_A, HANDLER_B, DEVICE_A, DEVICE_B = 1, 2, 3, 4, 5, 6
local DEV, WORK = 1, 2

function Idle:run()
  self.count = self.count - 1
  if self.count == 0 then return self.os:hold() end
  if self.control % 2 == 0 then
    self.control = math.floor(self.control / 2)
    return self.os:release(DEVICE_A)
  end
  self.control = (math.floor(self.control / 2) + 53256) % 65536
  return self.os:release(DEVICE_B)
end
function Worker:run(p)
  if not p then return self.os:wait() end
  self.dest = self.dest == HANDLER_A and HANDLER_B or HANDLER_A
  p.id = self.dest
  p.datum = 0
  for i = 1, 4 do
    self.count = self.count + 1
    if self.count > 26 then self.count = 1 end
    p.data[i] = 64 + self.count
  end
  return self.os:queue(p)
end
function Handler:run(p)
  if p then
    if p.kind == WORK then self.work = p:append(self.work) else self.device = p:append(self.device) end
  end
  if self.work then
    local w = self.work
    if w.datum >= 4 then
      self.work = w.link
      return self.os:queue(w)
    end
    if self.device then
      local d = self.device
      self.device = d.link
      w.datum = w.datum + 1
      d.datum = w.data[w.datum]
      return self.os:queue(d)
    end
  end
  return self.os:wait()
end
function Device:run(p)
  if not p then
    if not self.pending then return self.os:wait() end
    local q = self.pending
    self.pending = nil
    return self.os:queue(q)
  end
  self.pending = p
  return self.os:hold()
end

local queued, holds = 0, 0
for r = 1, 40 do
  local os = Os.new()
  local idle = Task.new(Idle, os, IDLE, 0, nil)
  idle.waiting, idle.ready, idle.count, idle.control = false, true, 10000, 1
  local q = Packet.new(nil, WORKER, WORK)
  q = Packet.new(q, WORKER, WORK)
  local w = Task.new(Worker, os, WORKER, 1000, q)
  w.dest, w.count = HANDLER_A, 0
  q = Packet.new(nil, DEVICE_A, DEV)
  q = Packet.new(q, DEVICE_A, DEV)
  q = Packet.new(q, DEVICE_A, DEV)
  Task.new(Handler, os, HANDLER_A, 2000, q)
  q = Packet.new(nil, DEVICE_B, DEV)
  q = Packet.new(q, DEVICE_B, DEV)
  q = Packet.new(q, DEVICE_B, DEV)
  Task.new(Handler, os, HANDLER_B, 3000, q)
  Task.new(Device, os, DEVICE_A, 4000, nil)
  Task.new(Device, os, DEVICE_B, 5000, nil)
  os:schedule()
  queued, holds = queued + os.queued, holds + os.holds
end
print(queued, holds)
