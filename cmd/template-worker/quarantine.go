package main

import (
	"context"

	"github.com/template-worker/template-worker/internal/api"
	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/process"
)

// quarantineView is the isolation as the API sees it. In thread mode there is
// none: who kills a thread worker kills the program, and nothing is remembered.
type quarantineView struct{ isolation *process.Isolation }

func (v quarantineView) Quarantine(ctx context.Context, id khronos.TenantID) ([]api.QuarantineEntry, error) {
	out := []api.QuarantineEntry{}
	if v.isolation == nil {
		return out, nil
	}
	list, err := v.isolation.Quarantine(ctx, id)
	for _, e := range list {
		out = append(out, api.QuarantineEntry{
			Template: e.Template, Version: e.Version, Event: e.Event, State: string(e.State),
			Deaths: e.Deaths, Since: e.Since, Until: e.Until, Last: e.Last,
		})
	}
	return out, err
}

func (v quarantineView) LiftQuarantine(_ context.Context, id khronos.TenantID, template string) (int, error) {
	if v.isolation == nil {
		return 0, nil
	}
	return v.isolation.Lift(id, template), nil
}
