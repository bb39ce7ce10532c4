package khronos

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxTemplateBytes bounds all file names and contents of a template together.
	MaxTemplateBytes = 256 << 10
	// MaxTemplateNameBytes is the length of the longest template name.
	MaxTemplateNameBytes = 64
	// InitFile is the file that every template has and that is loaded first.
	InitFile = "init.luau"
)

// Template is what a worker needs of a template. Files maps clean relative
// paths to sources. Version names these files, capabilities and subscriptions:
// under one name they are never another's. Each upload gets a higher one; going back to an older one brings its number back. Subscriptions are the names of the events it has a handler for.
type Template struct {
	Name          string
	Version       int64
	Files         map[string]string
	Paused        bool
	Capabilities  []string
	Subscriptions []string
	Quarantined   []QuarantinedEvent
}

// QuarantinedEvent is an event that a template does not get for a while, because
// it took workers down with it.
type QuarantinedEvent struct {
	Event  string // empty for all events
	Until  time.Time
	Reason string // for the template's author
}

// QuarantineOf returns why the template does not get an event now, false if it
// does.
func (t *Template) QuarantineOf(event string, now time.Time) (QuarantinedEvent, bool) {
	i := slices.IndexFunc(t.Quarantined, func(q QuarantinedEvent) bool {
		return (q.Event == "" || q.Event == event) && now.Before(q.Until)
	})
	if i < 0 {
		return QuarantinedEvent{}, false
	}
	return t.Quarantined[i], true
}

// CheckTemplateFiles checks the rules for an upload: a name of 1 to 64
// characters out of A-Z a-z 0-9 . _ - (not "." or ".."), an init.luau, clean
// relative paths with slashes, UTF-8 sources, no path that is both a file and a
// folder, and at most [MaxTemplateBytes] in all. The error is an *Error of kind
// bad_request or too_large.
func CheckTemplateFiles(name string, files map[string]string) error {
	if !validTemplateName(name) {
		return Errorf(ErrKindBadRequest, "template name %s: want 1 to %d of A-Z a-z 0-9 . _ -", clip(name), MaxTemplateNameBytes)
	}
	if _, ok := files[InitFile]; !ok {
		return Errorf(ErrKindBadRequest, "template %q: %s is missing", name, InitFile)
	}
	total := 0
	for p, source := range files {
		if err := checkTemplateFile(files, p, source); err != nil {
			return Errorf(err.Kind, "template %q: file %s: %s", name, clip(p), err.Text)
		}
		total += len(p) + len(source)
	}
	if total > MaxTemplateBytes {
		return Errorf(ErrKindTooLarge, "template %q: %d bytes, want at most %d", name, total, MaxTemplateBytes)
	}
	return nil
}

func validTemplateName(name string) bool {
	if name == "" || len(name) > MaxTemplateNameBytes || name == "." || name == ".." {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func checkTemplateFile(files map[string]string, p, source string) *Error {
	if !fs.ValidPath(p) || p == "." || !plainText(p) || strings.Contains(p, `\`) {
		return Errorf(ErrKindBadRequest, "want a clean relative path")
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if _, ok := files[dir]; ok {
			return Errorf(ErrKindBadRequest, "%s is a file too", clip(dir))
		}
	}
	if !utf8.ValidString(source) {
		return Errorf(ErrKindBadRequest, "source is not UTF-8")
	}
	return nil
}
