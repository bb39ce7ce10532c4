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

// check holds the rules that need nobody else.
func (s *Service) check(tenant khronos.TenantID, t khronos.Template) error {
	if !tenant.Valid() {
		return khronos.Errorf(khronos.ErrKindBadRequest, "%s is not a tenant", tenant)
	}
	if err := khronos.CheckTemplateFiles(t.Name, t.Files); err != nil {
		return err
	}
	size := int64(0)
	for path, source := range t.Files {
		size += int64(len(path) + len(source))
	}
	if size > s.limits.TemplateBytes {
		return khronos.Errorf(khronos.ErrKindTooLarge, "template %q has %d bytes: the limit is %d (template_bytes)", t.Name, size, s.limits.TemplateBytes)
	}
	return checkCapabilities(t.Capabilities)
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

// checkCount is too_large when the tenant may have no further template. It holds
// until the tenant's turn ends.
func (s *Service) checkCount(ctx context.Context, tenant khronos.TenantID, name string) error {
	list, err := s.store.Templates(ctx, tenant)
	if err != nil {
		return public(err)
	}
	for _, t := range list {
		if t.Name == name {
			return nil
		}
	}
	if len(list) >= s.limits.TemplatesPerTenant {
		return khronos.Errorf(khronos.ErrKindTooLarge, "%s has %d templates: the limit is %d (templates_per_tenant); delete one first",
			tenant, len(list), s.limits.TemplatesPerTenant)
	}
	return nil
}

// inspect returns the template's subscriptions, sorted, each once.
func (s *Service) inspect(ctx context.Context, tenant khronos.TenantID, files map[string]string) ([]string, error) {
	found, err := s.inspector.InspectTemplate(ctx, tenant, files)
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
