// Package tenantlog keeps the last lines of each tenant's log: what its templates
// print, and their errors. It keeps them in memory only, bounded, and starts no
// goroutine.
package tenantlog

import (
	"container/list"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/template-worker/template-worker/internal/feed"
	"github.com/template-worker/template-worker/internal/khronos"
)

// maxLoggedTenants bounds how many tenants' lines are kept; the one that has
// been silent longest is forgotten first.
const maxLoggedTenants = 10_000

// Log keeps the last lines of each tenant's log in memory and writes every
// line to the program's log. It is safe for concurrent use and never blocks on
// anything but that log.
type Log struct {
	log      *slog.Logger
	maxLines int
	feed     feed.Feed[khronos.TenantID, Line]

	mu     sync.Mutex                         // mu guards the fields below
	rings  map[khronos.TenantID]*list.Element // of *ring
	recent list.List                          // the tenant that logged last is in front
	last   uint64                             // the number of the last line of any tenant
}

// Line is one line of a tenant's log.
type Line struct {
	Seq      uint64    `json:"seq" doc:"counts the lines of all tenants"`
	At       time.Time `json:"at"`
	Template string    `json:"template"`
	Text     string    `json:"text"`
}

// ring is one tenant's last lines; next is where the next one goes once it is full.
type ring struct {
	tenant khronos.TenantID
	lines  []Line
	next   int
}

// New keeps up to maxLines lines of each tenant.
func New(maxLines int, log *slog.Logger) *Log {
	return &Log{log: log, maxLines: maxLines, rings: map[khronos.TenantID]*list.Element{}}
}

// Add appends a line.
func (l *Log) Add(tenant khronos.TenantID, template, text string) {
	l.log.LogAttrs(context.Background(), slog.LevelInfo, "tenant log",
		slog.String("tenant", tenant.String()), slog.String("template", template), slog.String("line", text))
	line := Line{At: time.Now(), Template: template, Text: text}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.last++
	line.Seq = l.last
	l.feed.Publish(tenant, line)
	r := l.ringLocked(tenant)
	if len(r.lines) < l.maxLines {
		r.lines = append(r.lines, line)
		return
	}
	r.lines[r.next] = line
	r.next = (r.next + 1) % l.maxLines
}

func (l *Log) ringLocked(tenant khronos.TenantID) *ring {
	if e := l.rings[tenant]; e != nil {
		l.recent.MoveToFront(e)
		return e.Value.(*ring)
	}
	if len(l.rings) >= maxLoggedTenants {
		oldest := l.recent.Remove(l.recent.Back()).(*ring)
		delete(l.rings, oldest.tenant)
	}
	r := &ring{tenant: tenant}
	l.rings[tenant] = l.recent.PushFront(r)
	return r
}

// Follow tells of every line of tenant from now on, with room for buffer of them
// that have not been read. The caller closes the Follower.
func (l *Log) Follow(tenant khronos.TenantID, buffer int) *feed.Follower[khronos.TenantID, Line] {
	return l.feed.Follow(tenant, buffer)
}

// Last gives up to n of the tenant's last lines, oldest first.
func (l *Log) Last(tenant khronos.TenantID, n int) []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.rings[tenant]
	if e == nil {
		return []Line{}
	}
	r := e.Value.(*ring)
	lines := append(append([]Line{}, r.lines[r.next:]...), r.lines[:r.next]...)
	return lines[max(0, len(lines)-n):]
}
