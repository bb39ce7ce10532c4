package tenant

import (
	"slices"

	"github.com/template-worker/template-worker/internal/khronos"
)

// outdate says that the tenant's templates have changed. Any goroutine. An event
// that is delivered after it returns gets the templates as they are stored then.
func (t *tenant) outdate() {
	t.mu.Lock()
	t.changed = true
	t.mu.Unlock()
	t.post(func() {}) // its goroutine looks
}

// swap compares the machines with the templates that have come in: those of
// another version, or of a paused template, get no new event; those of a template
// that is gone end with all they run.
func (t *tenant) swap() {
	for name, m := range t.machines {
		i := slices.IndexFunc(t.templates, func(tpl khronos.Template) bool { return tpl.Name == name })
		switch {
		case i < 0:
			delete(t.machines, name)
			m.die(khronos.Errorf(khronos.ErrKindDroppedTenant, "template %q was deleted", name))
		case t.templates[i].Paused || t.templates[i].Version != m.tpl.Version:
			delete(t.machines, name)
			m.retire()
		}
	}
}

// retire lets the machine end what it has begun, and nothing else.
func (m *machine) retire() {
	if m.vm == nil {
		return
	}
	m.retired = true
	m.t.retired = append(m.t.retired, m)
	m.release()
}

// release closes a retired machine once none of its handlers is left. Threads in
// the background end with it: they would go on for ever beside the new version's.
func (m *machine) release() {
	if !m.retired || m.vm == nil || m.busy() {
		return
	}
	if n := len(m.threads); n > 0 {
		m.log("%d background threads of version %d have ended: the template was changed", n, m.tpl.Version)
	}
	m.close()
}

// busy tells whether a run of the machine has not ended.
func (m *machine) busy() bool {
	for _, d := range m.t.live {
		if slices.ContainsFunc(d.runs, func(r *run) bool { return r.m == m && !r.ended }) {
			return true
		}
	}
	return false
}
