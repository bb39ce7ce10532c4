package mesophyll

import (
	"fmt"
	"sort"

	"github.com/tinylib/msgp/msgp"

	"github.com/template-worker/template-worker/internal/khronos"
)

// Result is a value or an error as it travels. Value is the MessagePack form of
// a [khronos.Value]; it counts only when Err is nil.
type Result struct {
	Value []byte
	Err   *khronos.Error
}

// ResultOf encodes how something ended. A value that cannot be encoded becomes
// an internal error that says why.
func ResultOf(o khronos.Outcome) Result {
	if o.Err != nil {
		return Result{Err: o.Err}
	}
	value, err := o.Value.AppendMsg(nil)
	if err != nil {
		return Result{Err: khronos.Errorf(khronos.ErrKindInternal, "encode result: %v", err)}
	}
	return Result{Value: value}
}

// Outcome decodes r. Bytes that are no value become an internal error. The
// outcome keeps r.Value, which nobody may change from then on.
func (r Result) Outcome() khronos.Outcome {
	if r.Err != nil {
		return khronos.Outcome{Err: r.Err}
	}
	value, rest, err := khronos.ReadOwnMsg(r.Value, khronos.MaxResultDepth)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d stray bytes behind the value", len(rest))
	}
	if err != nil {
		return khronos.Outcome{Err: khronos.Errorf(khronos.ErrKindInternal, "decode result: %v", err)}
	}
	return khronos.Outcome{Value: value}
}

// ResponseTo is the answer to the request reqID that says how it ended.
func ResponseTo(reqID uint64, o khronos.Outcome) *DispatchResponse {
	return &DispatchResponse{ReqID: reqID, Usage: o.Usage, Result: ResultOf(o)}
}

// Outcome is that of the [Result], with the usage.
func (m *DispatchResponse) Outcome() khronos.Outcome {
	out := m.Result.Outcome()
	out.Usage = m.Usage
	return out
}

// EncodeArgs makes the Args of a [HostCall].
func EncodeArgs(args []khronos.Value) ([]byte, error) {
	b := msgp.AppendArrayHeader(nil, uint32(len(args)))
	for i, arg := range args {
		var err error
		if b, err = arg.AppendMsg(b); err != nil {
			return nil, fmt.Errorf("encode argument %d: %w", i+1, err)
		}
	}
	return b, nil
}

// Values decodes the arguments.
func (m *HostCall) Values() ([]khronos.Value, error) {
	list, rest, err := khronos.ReadMsg(m.Args, khronos.MaxDepth+1) // they have the form of a List
	if err != nil {
		return nil, fmt.Errorf("decode arguments of %q: %w", m.Op, err)
	}
	args, ok := list.AsList()
	if !ok {
		return nil, fmt.Errorf("decode arguments of %q: %v instead of a List", m.Op, list.Kind())
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("decode arguments of %q: %d stray bytes", m.Op, len(rest))
	}
	return args, nil
}

// PageTemplates picks from all the templates that follow after by name, as many
// as fit into a reply of frameBytes, which is [Config.FrameBytes]. A template
// that fits into no frame is an error.
func PageTemplates(all []khronos.Template, after string, frameBytes int) (*TemplatesReply, error) {
	sorted := append([]khronos.Template(nil), all...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Name < sorted[j].Name })
	page := &TemplatesReply{}
	size := len(page.appendTo(nil)) + lengthBytes + 16 // 16: the largest call number and array header
	for i := range sorted {
		if sorted[i].Name <= after {
			continue
		}
		size += len(appendTemplate(nil, &sorted[i]))
		if size > frameBytes {
			if len(page.Templates) == 0 {
				return nil, fmt.Errorf("template %q: %w", sorted[i].Name, ErrTooLarge)
			}
			page.More = true
			return page, nil
		}
		page.Templates = append(page.Templates, sorted[i])
	}
	return page, nil
}
