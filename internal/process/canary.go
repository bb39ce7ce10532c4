package process

import (
	"context"
	"fmt"
	"time"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/mesophyll"
)

// probe is what a child has to make sense of to show that it works: before it
// replaces another one, and now and then while it is up. Its tenant is nobody's:
// no id is 0.
var probe = mesophyll.InspectTemplate{
	Tenant: khronos.TenantID{Kind: khronos.TenantGuild},
	Files:  map[string]string{"init.luau": "return { Probe = function() end }"},
}

// runProbe has the child run the probe and forget its tenant. ctx has a deadline.
func (g *generation) runProbe(ctx context.Context) error {
	ask := probe
	deadline, _ := ctx.Deadline()
	ask.Timeout = time.Until(deadline)
	for _, m := range []mesophyll.Request{&ask, &mesophyll.DropTenant{Tenant: probe.Tenant}} {
		reply, err := g.conn.Call(ctx, m)
		if err == nil {
			err = errorOf(outcomeOf(reply))
		}
		if err != nil {
			return fmt.Errorf("run a probe: %w", err)
		}
	}
	return nil
}

// keepProbing runs the probe every canary_every until life ends. What the last
// one has shown is a part of the child's vitals.
func (g *generation) keepProbing(life context.Context) {
	tick := time.NewTicker(g.h.cfg.Limits.CanaryEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-life.Done():
			return
		}
		ctx, cancel := context.WithTimeout(life, g.h.cfg.Limits.CanaryTimeout)
		err := g.runProbe(ctx)
		cancel()
		if life.Err() != nil {
			return // it was the end of the life that cut it off
		}
		g.mu.Lock()
		g.vitals.canary = ""
		if err != nil {
			g.vitals.canary = err.Error()
		}
		g.mu.Unlock()
	}
}
