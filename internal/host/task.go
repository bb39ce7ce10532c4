package host

import (
	"time"

	"github.com/template-worker/template-worker/luau"
)

const (
	minWait = 50 * time.Millisecond     // the shortest wait
	maxWait = 10 * 365 * 24 * time.Hour // the longest
)

// waitTime reads argument i: seconds, at least minWait; none is minWait.
func waitTime(c *luau.Call, i int) (time.Duration, error) {
	seconds, err := c.OptNumber(i, 0)
	switch {
	case err != nil:
		return 0, err
	case !(seconds > minWait.Seconds()):
		return minWait, nil
	case seconds > maxWait.Seconds():
		return 0, c.Errorf("task.%s: seconds must be at most %.0f", c.Name(), maxWait.Seconds())
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// taskWait is task.wait(seconds?) -> seconds that passed.
func taskWait(c *luau.Call) error {
	d, err := waitTime(c, 0)
	if err != nil {
		return err
	}
	return envOf(c).Wait(c, d)
}

// taskSpawn is task.spawn(f, ...) -> thread: it runs f at once, until it ends,
// yields or waits.
func taskSpawn(c *luau.Call) error {
	target := c.Arg(0)
	if target.Kind() != luau.KindCoroutine {
		made, err := c.Call(library(c, "coroutine", "create"), target)
		if err != nil {
			return err
		}
		target = made[0]
	}
	args := append([]luau.Value{target}, c.Args()[1:]...)
	return c.CallThen(library(c, "coroutine", "resume"), args, taskSpawned, spawned{target})
}

// spawned is the state of a spawn: the thread that it started.
type spawned struct{ thread luau.Value }

// Trace visits the thread.
func (s spawned) Trace(visit func(luau.Value)) { visit(s.thread) }

func taskSpawned(c *luau.Call, state any) error {
	thread := state.(spawned).thread
	if !c.Arg(0).Truthy() {
		message, handler, err := c.TryString(c.Arg(1))
		if err != nil {
			return err
		}
		if !handler.IsNil() {
			return c.CallThen(handler, []luau.Value{c.Arg(1)}, taskFailureTold, state)
		}
		envOf(c).ThreadFailed(thread.AsCoroutine().Traceback(message, 0))
	}
	return c.Return1(thread)
}

// taskFailureTold reports a thread that failed with an error whose __tostring has been asked.
func taskFailureTold(c *luau.Call, state any) error {
	thread := state.(spawned).thread
	message, err := c.HandlerText(c.Args())
	if err != nil {
		return err
	}
	envOf(c).ThreadFailed(thread.AsCoroutine().Traceback(message, 0))
	return c.Return1(thread)
}

// taskDefer is task.defer(f, ...) -> thread: f runs after what runs now.
func taskDefer(c *luau.Call) error { return schedule(c, 0, 0) }

// taskDelay is task.delay(seconds, f, ...) -> thread.
func taskDelay(c *luau.Call) error {
	d, err := waitTime(c, 0)
	if err != nil {
		return err
	}
	return schedule(c, d, 1)
}

func schedule(c *luau.Call, d time.Duration, i int) error {
	thread, err := envOf(c).Schedule(c, d, c.Arg(i), c.Args()[i+1:])
	if err != nil {
		return err
	}
	return c.Return1(thread)
}

// taskCancel is task.cancel(thread): a thread that waits or is scheduled ends
// where it is. Any other thread stays as it is.
func taskCancel(c *luau.Call) error {
	co, err := c.CheckCoroutine(0)
	if err != nil {
		return err
	}
	if envOf(c).CancelThread(co) {
		c.VM().CloseThread(co)
	}
	return c.Return0()
}

func taskNothing(c *luau.Call) error { return c.Return0() }
