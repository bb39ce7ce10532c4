package templates

import (
	"errors"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/template-worker/template-worker/internal/khronos"
)

// ManifestFile is the file of a template that says what it is and asks for. It is
// kept with the template's other files, so that each version asks for its own.
const ManifestFile = "template.toml"

const (
	maxManifestBytes    = 64 << 10
	maxDescriptionBytes = 1 << 10
)

// Manifest is what ManifestFile holds. Asking is not getting: what of Capabilities
// a template holds is what its tenant's owner grants.
type Manifest struct {
	Name         string   `toml:"name"`
	Description  string   `toml:"description"`
	Capabilities []string `toml:"capabilities"`
}

// ManifestOf reads the manifest among files; without one it is the zero Manifest.
// The error is a *khronos.Error of kind bad_request or too_large, with the line.
func ManifestOf(files map[string]string) (Manifest, error) {
	var m Manifest
	text := files[ManifestFile]
	if len(text) > maxManifestBytes {
		return m, khronos.Errorf(khronos.ErrKindTooLarge, "%s has %d bytes: the limit is %d", ManifestFile, len(text), maxManifestBytes)
	}
	if err := toml.NewDecoder(strings.NewReader(text)).DisallowUnknownFields().Decode(&m); err != nil {
		return Manifest{}, manifestError(err)
	}
	if len(m.Description) > maxDescriptionBytes {
		return Manifest{}, khronos.Errorf(khronos.ErrKindTooLarge, "%s: the description has %d bytes: the limit is %d", ManifestFile, len(m.Description), maxDescriptionBytes)
	}
	if err := checkCapabilities(m.Capabilities); err != nil {
		e := khronos.AsError(err)
		return Manifest{}, khronos.Errorf(e.Kind, "%s: %s", ManifestFile, e.Text)
	}
	return m, nil
}

// manifestError gives the library's errors a place and our form.
func manifestError(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		row, _ := unknown.Errors[0].Position()
		return khronos.Errorf(khronos.ErrKindBadRequest, "%s:%d: there is no %s: want name, description or capabilities", ManifestFile, row, strings.Join(unknown.Errors[0].Key(), "."))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		row, _ := bad.Position()
		return khronos.Errorf(khronos.ErrKindBadRequest, "%s:%d: %v", ManifestFile, row, bad)
	}
	return khronos.Errorf(khronos.ErrKindBadRequest, "%s: %v", ManifestFile, err)
}
