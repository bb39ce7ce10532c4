package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// times is the time of each round, by engine, of one program.
type times map[string][]time.Duration

// measure runs the rounds: in each every program, on every engine in turn, beginning with another one each time.
func measure(rounds int, programs []program, engines []engine, cpu bool) (map[string]times, error) {
	all := map[string]times{}
	for _, p := range programs {
		all[p.name] = times{}
	}
	for round := range rounds {
		for at, p := range programs {
			if err := measureOne(p, engines, round+at, cpu, all[p.name]); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d done\n", round+1, rounds)
	}
	return all, nil
}

func measureOne(p program, engines []engine, first int, cpu bool, t times) error {
	var want []byte
	for i := range engines {
		e := engines[(first+i)%len(engines)]
		if !e.runs(p) {
			continue
		}
		took, out, err := runProcess(e, p, cpu)
		if err != nil {
			return fmt.Errorf("%s on %s: %w", p.name, e.name, err)
		}
		if want == nil {
			want = out
		}
		if !bytes.Equal(out, want) {
			return fmt.Errorf("%s on %s prints %q, another engine %q", p.name, e.name, out, want)
		}
		t[e.name] = append(t[e.name], took)
	}
	return nil
}

// runProcess gives the wall time of one run, or its processor time.
func runProcess(e engine, p program, cpu bool) (time.Duration, []byte, error) {
	args := append(append([]string{}, e.command[1:]...), p.path)
	began := time.Now()
	cmd := exec.Command(e.command[0], args...)
	out, err := cmd.Output()
	took := time.Since(began)
	if cpu && cmd.ProcessState != nil {
		took = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	return took, out, err
}
