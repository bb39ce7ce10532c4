package process

import "time"

// Policy says when a worker that died is started again. It is a value: it
// counts nothing and knows no clock, so that its whole behaviour is a table.
type Policy struct {
	MinDelay       time.Duration // longest delay after the first failure
	MaxDelay       time.Duration // longest delay after any number of them
	UsefulLife     time.Duration // a life that was ready for less is a failure
	HealEvery      time.Duration // of healthy time halves the failure count once more
	FailuresToFail int           // this many in a row mark the worker failed
	ProbeEvery     time.Duration // a failed worker is tried this often
}

// History is what a Policy needs to remember of one worker.
type History struct {
	Failures int  // the count that the delay grows with; at most FailuresToFail
	Failed   bool // the worker is marked failed: no useful life since
}

// Decision is what to do after a death.
type Decision struct {
	Delay time.Duration // until the next start
	Alarm bool          // the worker has just been marked failed; Delay leads to a probe
}

// AfterDeath returns the history that includes a life which was ready for
// useful, 0 if it never was, and what to do next. chance is a random number in
// [0, 1): the delay is that part of the whole delay, so workers that died
// together do not come back together.
//
// A useful life is no failure and halves the count; each HealEvery more of it
// halves it again. The delay after a useful life with no failures left is that
// of a first failure: a worker is never restarted without a pause.
func (p Policy) AfterDeath(h History, useful time.Duration, chance float64) (History, Decision) {
	wasFailed := h.Failed
	if useful < p.UsefulLife {
		h.Failures = min(h.Failures+1, p.FailuresToFail)
	} else {
		h = p.Healed(h, useful)
	}
	h.Failed = h.Failures >= p.FailuresToFail
	if h.Failed {
		return h, Decision{Delay: p.ProbeEvery, Alarm: !wasFailed}
	}
	return h, Decision{Delay: time.Duration(chance * float64(p.ceiling(h.Failures)))}
}

// Healed returns the history as it counts after useful of healthy time.
func (p Policy) Healed(h History, useful time.Duration) History {
	if useful < p.UsefulLife {
		return h
	}
	halvings := 1 + (useful-p.UsefulLife)/p.HealEvery
	h.Failures >>= min(halvings, 62)
	h.Failed = false
	return h
}

// ceiling is the longest delay after n failures: MinDelay * 2^(n-1), at least
// MinDelay, at most MaxDelay.
func (p Policy) ceiling(n int) time.Duration {
	d := p.MinDelay
	for range n - 1 {
		if d *= 2; d >= p.MaxDelay {
			return p.MaxDelay
		}
	}
	return min(d, p.MaxDelay)
}
