package tenant

import (
	"slices"
	"time"

	"github.com/template-worker/template-worker/luau"
)

// schedule is what task.delay and task.defer leave: args with which a thread is
// resumed when its time has come.
type schedule struct {
	due   bool // the thread is in the queue because of it
	timer *time.Timer
	args  []luau.Value
	refs  []luau.Ref // keep the thread and args
}

// drop lets go of what the schedule keeps.
func (s *schedule) drop() {
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, ref := range s.refs {
		ref.Release()
	}
	s.refs, s.args = nil, nil
}

// Schedule resumes target, a function or a coroutine, with args after d.
func (e *hostEnv) Schedule(c *luau.Call, d time.Duration, target luau.Value, args []luau.Value) (luau.Value, error) {
	m := (*machine)(e)
	th, err := m.schedulable(c, target)
	if err != nil {
		return luau.Nil, err
	}
	s := &schedule{args: slices.Clone(args), refs: []luau.Ref{m.vm.NewRef(th.co.Value())}}
	for _, arg := range args {
		s.refs = append(s.refs, m.vm.NewRef(arg))
	}
	th.sched = s
	switch {
	case d > 0:
		s.timer = time.AfterFunc(d, func() { m.t.post(func() { th.due(s) }) })
	case th.state == threadIdle:
		th.due(s)
	default: // it runs and may yield
		m.t.post(func() { th.due(s) })
	}
	return th.co.Value(), nil
}

// schedulable gives the thread that target will run as.
func (m *machine) schedulable(c *luau.Call, target luau.Value) (*thread, error) {
	var co *luau.Coroutine
	if target.Kind() == luau.KindCoroutine {
		co = target.AsCoroutine()
		if th := m.threads[co]; th != nil {
			if th.sched != nil {
				return nil, c.Errorf("the thread is scheduled already")
			}
			return th, nil
		}
	}
	err := m.roomForThread(c)
	if err == nil && co == nil {
		co, err = m.vm.NewThread(target)
	}
	if err != nil {
		return nil, err
	}
	th := m.adopt(co, m.current.r, threadOther)
	th.state, th.since = threadIdle, time.Now()
	return th, nil
}

// due queues the thread if s is still its schedule and it can be resumed.
func (th *thread) due(s *schedule) {
	if th.sched != s || th.m.threads[th.co] != th {
		return
	}
	if th.state != threadIdle {
		th.late()
		return
	}
	s.due = true
	th.fuel = 0
	th.queue()
}

// late gives up a schedule whose thread waits for something else by now.
func (th *thread) late() {
	th.unschedule()
	th.m.log("background thread: it was not resumed when its time came: something else had resumed it before")
}

// unschedule takes back the thread's schedule.
func (th *thread) unschedule() {
	if th.sched != nil {
		th.sched.drop()
		th.sched = nil
	}
}
