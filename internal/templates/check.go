package templates

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/template-worker/template-worker/internal/khronos"
)

const (
	maxCapabilities = 100
	// maxCapabilityBytes has room for `kv[<scope>]:<action>:<key>` with the
	// longest scope and key.
	maxCapabilityBytes = 2 << 10
	maxSubscriptions   = 256
)

// checkFiles holds the rules for files that need nobody else, and reads the manifest.
func (s *Service) checkFiles(name string, files map[string]string) (Manifest, error) {
	if err := khronos.CheckTemplateFiles(name, files); err != nil {
		return Manifest{}, err
	}
	size := int64(0)
	for path, source := range files {
		size += int64(len(path) + len(source))
	}
	if size > s.limits.TemplateBytes {
		return Manifest{}, khronos.Errorf(khronos.ErrKindTooLarge, "template %q has %d bytes: the limit is %d (template_bytes)", name, size, s.limits.TemplateBytes)
	}
	return ManifestOf(files)
}

func checkTenant(tenant khronos.TenantID) error {
	if !tenant.Valid() {
		return khronos.Errorf(khronos.ErrKindBadRequest, "%s is not a tenant", tenant)
	}
	return nil
}

func checkCapabilities(list []string) error {
	if len(list) > maxCapabilities {
		return khronos.Errorf(khronos.ErrKindTooLarge, "%d capabilities: the limit is %d", len(list), maxCapabilities)
	}
	for i, c := range list {
		switch {
		case c == "":
			return khronos.Errorf(khronos.ErrKindBadRequest, "capability %d is empty", i+1)
		case len(c) > maxCapabilityBytes:
			return khronos.Errorf(khronos.ErrKindTooLarge, "capability %d has %d bytes: the limit is %d", i+1, len(c), maxCapabilityBytes)
		case !utf8.ValidString(c) || strings.ContainsFunc(c, unicode.IsControl):
			return khronos.Errorf(khronos.ErrKindBadRequest, "capability %d, %q, has a control character or is not UTF-8", i+1, c)
		}
	}
	return nil
}

// inspect returns the template's subscriptions, sorted, each once. Of a banned
// tenant nothing runs, not even this.
func (s *Service) inspect(ctx context.Context, tenant khronos.TenantID, files map[string]string) ([]string, error) {
	state, err := s.store.TenantState(ctx, tenant)
	if err != nil {
		return nil, public(err)
	}
	if state.Banned {
		return nil, khronos.Banned(tenant)
	}
	found, err := s.worker.InspectTemplate(ctx, tenant, files)
	if err != nil {
		return nil, err
	}
	if len(found) > maxSubscriptions {
		return nil, khronos.Errorf(khronos.ErrKindTooLarge, "%s returns handlers for %d events: the limit is %d", khronos.InitFile, len(found), maxSubscriptions)
	}
	for _, name := range found {
		if err := (khronos.Event{Name: name}).Validate(); err != nil {
			return nil, khronos.Errorf(khronos.ErrKindBadRequest, "%s returns a handler that no event can reach: %s", khronos.InitFile, khronos.AsError(err).Text)
		}
	}
	names := slices.Clone(found)
	slices.Sort(names)
	return slices.Compact(names), nil
}
