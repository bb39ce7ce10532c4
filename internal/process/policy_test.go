package process

import (
	"testing"
	"time"
)

var testPolicy = Policy{
	MinDelay:       200 * time.Millisecond,
	MaxDelay:       15 * time.Second,
	UsefulLife:     5 * time.Second,
	HealEvery:      30 * time.Second,
	FailuresToFail: 10,
	ProbeEvery:     5 * time.Minute,
}

const almostOne = 0.999999

func TestPolicy_AfterDeath(t *testing.T) {
	tests := []struct {
		name     string
		failures int
		failed   bool
		useful   time.Duration
		chance   float64

		wantFailures int
		wantFailed   bool
		wantDelay    time.Duration // to the millisecond
		wantAlarm    bool
	}{
		{name: "first failure", chance: almostOne, wantFailures: 1, wantDelay: 200 * time.Millisecond},
		{name: "full jitter reaches zero", chance: 0, wantFailures: 1, wantDelay: 0},
		{name: "jitter is a part of the whole", failures: 1, chance: 0.5, wantFailures: 2, wantDelay: 200 * time.Millisecond},
		{name: "doubles", failures: 3, chance: almostOne, wantFailures: 4, wantDelay: 1600 * time.Millisecond},
		{name: "last before the top", failures: 6, chance: almostOne, wantFailures: 7, wantDelay: 12800 * time.Millisecond},
		{name: "top", failures: 7, chance: almostOne, wantFailures: 8, wantDelay: 15 * time.Second},
		{name: "almost useful is a failure", failures: 2, useful: 5*time.Second - 1, chance: almostOne, wantFailures: 3, wantDelay: 800 * time.Millisecond},
		{name: "useful is none and halves", failures: 4, useful: 5 * time.Second, chance: almostOne, wantFailures: 2, wantDelay: 400 * time.Millisecond},
		{name: "long life halves again", failures: 8, useful: 65 * time.Second, chance: almostOne, wantFailures: 1, wantDelay: 200 * time.Millisecond},
		{name: "very long life forgets all", failures: 9, useful: 1000 * time.Hour, chance: almostOne, wantFailures: 0, wantDelay: 200 * time.Millisecond},
		{name: "never without a pause", useful: time.Hour, chance: almostOne, wantDelay: 200 * time.Millisecond},
		{name: "tenth failure raises the alarm", failures: 9, chance: 0.5, wantFailures: 10, wantFailed: true, wantDelay: 5 * time.Minute, wantAlarm: true},
		{name: "failed probe is no new alarm", failures: 10, failed: true, chance: 0, wantFailures: 10, wantFailed: true, wantDelay: 5 * time.Minute},
		{name: "useful probe ends failed", failures: 10, failed: true, useful: 6 * time.Second, chance: almostOne, wantFailures: 5, wantDelay: 3200 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, d := testPolicy.AfterDeath(History{Failures: tt.failures, Failed: tt.failed}, tt.useful, tt.chance)
			if h.Failures != tt.wantFailures || h.Failed != tt.wantFailed {
				t.Errorf("history = %+v, want %d failures, failed %v", h, tt.wantFailures, tt.wantFailed)
			}
			if got := d.Delay.Round(time.Millisecond); got != tt.wantDelay {
				t.Errorf("delay = %v, want %v", got, tt.wantDelay)
			}
			if d.Alarm != tt.wantAlarm {
				t.Errorf("alarm = %v, want %v", d.Alarm, tt.wantAlarm)
			}
		})
	}
}
