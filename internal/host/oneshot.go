package host

import (
	"math"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/luau"
)

// oneshot is what a OneshotChannel holds. A receiver is used once a thread has
// asked for the value, however that ended.
type oneshot struct {
	sent   bool
	used   bool       // the receiver
	value  luau.Value // sent and not received
	waiter Waiter     // of recv, while it waits
	choice *selection // that has the receiver
}

const oneshotBytes = 128

// Trace visits the value, also one that a selection keeps.
func (o *oneshot) Trace(visit func(luau.Value)) {
	visit(o.value)
	if o.choice != nil {
		o.choice.Trace(visit)
	}
}

var oneshotType = &luau.UserType{
	Name:     "OneshotChannel",
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "OneshotChannel", nil },
}

func oneshotOf(v luau.Value) *oneshot { return v.AsUserdata().Data().(*oneshot) }

// newOneshot is channel.OneshotChannel() -> OneshotChannel.
func newOneshot(c *luau.Call) error {
	v, err := newHostValue(c.VM(), oneshotType, &oneshot{}, oneshotBytes)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// oneshotSend is oneshot:send(value).
func oneshotSend(c *luau.Call) error {
	o := oneshotOf(c.Arg(0))
	switch {
	case o.sent:
		return unfitf("a value was sent already")
	case o.used && !o.awaited():
		return unfitf("the receiver is gone")
	}
	o.sent = true
	switch s := o.choice; {
	case s != nil:
		s.take(c.Arg(1))
		if len(s.values) == s.n {
			s.waiter.Wake()
		}
	default:
		o.value = c.Arg(1)
		if o.waiter != nil {
			o.waiter.Wake()
		}
	}
	return c.Return0()
}

// awaited tells whether a thread waits for the value.
func (o *oneshot) awaited() bool {
	w := o.waiter
	if o.choice != nil {
		w = o.choice.waiter
	}
	return w != nil && w.Waits()
}

// receive takes the value out.
func (o *oneshot) receive(c *luau.Call) error {
	v := o.value
	o.value = luau.Nil
	return c.Return1(v)
}

// oneshotRecv is oneshot:recv() -> value.
func oneshotRecv(c *luau.Call) error {
	return oneshotOf(c.Arg(0)).wait(c, envOf(c).Limits().DispatchDeadlineMax, "OneshotChannel:recv")
}

// oneshotRecvTimeout is oneshot:recvtimeout(timeout) -> value.
func oneshotRecvTimeout(c *luau.Call) error {
	d, err := channelTimeout(c, 1)
	if err != nil {
		return err
	}
	return oneshotOf(c.Arg(0)).wait(c, d, "OneshotChannel:recvtimeout")
}

// channelTimeout reads a TimeDelta that channel_wait bounds.
func channelTimeout(c *luau.Call, i int) (time.Duration, error) {
	d, most := span(c.Arg(i)), envOf(c).Limits().ChannelWait
	if d > most {
		return 0, unfitf("timeout must be at most %s (channel_wait)", most)
	}
	return d, nil
}

// span gives a TimeDelta as a duration; one that is too long for that as the longest.
func span(v luau.Value) time.Duration {
	d := v.AsUserdata().Data().(khronos.Interval)
	const most = math.MaxInt64 / int64(time.Second)
	switch {
	case d.Seconds >= most:
		return math.MaxInt64
	case d.Seconds <= -most:
		return math.MinInt64
	}
	return time.Duration(d.Seconds)*time.Second + time.Duration(d.Nanos)
}

func (o *oneshot) wait(c *luau.Call, d time.Duration, name string) error {
	if o.used {
		return unfitf("the receiver is used already")
	}
	o.used = true
	if o.sent {
		return o.receive(c)
	}
	if d <= 0 {
		return unfitf("no value came in time")
	}
	w, err := envOf(c).Park(c, name, d, receiving{o, name})
	if err != nil {
		o.used = false
		return err
	}
	o.waiter = w
	return nil
}

// receiving is a recv that waits.
type receiving struct {
	*oneshot
	name string
}

// Resume gives the value, or says that there is none.
func (r receiving) Resume(c *luau.Call) error {
	r.waiter = nil
	if !r.sent {
		return c.Errorf("%s: no value came in time", r.name)
	}
	return r.receive(c)
}

// selection is a selectoneshots in progress.
type selection struct {
	n      int // values that are wanted
	values []luau.Value
	waiter Waiter
}

// Trace visits the values that have come.
func (s *selection) Trace(visit func(luau.Value)) {
	for _, v := range s.values {
		visit(v)
	}
}

func (s *selection) take(v luau.Value) { s.values = append(s.values, v) }

// Resume gives what has come.
func (s *selection) Resume(c *luau.Call) error {
	t, err := c.VM().NewTable(len(s.values), 0)
	if err != nil {
		return err
	}
	c.Hold(t.Value())
	for i, v := range s.values {
		if err := t.SetInt(c.VM(), i+1, v); err != nil {
			return err
		}
	}
	missing := len(s.values) < s.n
	s.values = nil
	return c.Return(t.Value(), luau.Bool(missing))
}

// selectOneshots is channel.selectoneshots({channel}, timeout) -> {values}, timedout.
func selectOneshots(c *luau.Call) error {
	d, err := channelTimeout(c, 1)
	if err != nil {
		return err
	}
	t := c.Arg(0).AsTable()
	s := &selection{n: t.Len()}
	if err := c.Alloc(int64(s.n) * 16); err != nil {
		return err
	}
	if err := s.receivers(t); err != nil {
		return err
	}
	for i := 1; i <= s.n; i++ {
		o := oneshotOf(t.GetInt(i))
		if o.sent {
			s.take(o.value)
			o.value = luau.Nil
		}
	}
	if len(s.values) == s.n || d <= 0 {
		return s.Resume(c)
	}
	w, err := envOf(c).Park(c, "@antiraid/channel.selectoneshots", d, s)
	if err != nil {
		return err
	}
	s.waiter = w
	return nil
}

// receivers takes the receivers of all channels of the list, or none of them.
func (s *selection) receivers(t *luau.Table) error {
	for i := 1; i <= s.n; i++ {
		o := oneshotOf(t.GetInt(i))
		if !o.used {
			o.used, o.choice = true, s
			continue
		}
		for j := 1; j < i; j++ {
			o := oneshotOf(t.GetInt(j))
			o.used, o.choice = false, nil
		}
		return unfitf("channels[%d]: the receiver is used already", i)
	}
	return nil
}
