package templates

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/template-worker/template-worker/internal/khronos"
)

// maxZipEntries bounds an archive's entries, those that are no part of the
// template among them.
const maxZipEntries = 1000

// encrypted is the bit of a zip entry's flags that says its content is.
const encrypted = 1

// ReadZip reads a template's files out of a zip archive: those that ReadFolder
// would take, and of an archive whose entries all lie in one folder those in
// there. No more than limit bytes of names and contents are unpacked, whatever
// the archive says of itself. The error is a *khronos.Error of kind bad_request
// or too_large.
func ReadZip(archive []byte, limit int64) (map[string]string, error) {
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, khronos.Errorf(khronos.ErrKindBadRequest, "the body is no zip archive: %v", err)
	}
	if len(r.File) > maxZipEntries {
		return nil, khronos.Errorf(khronos.ErrKindTooLarge, "the archive has %d entries: the limit is %d", len(r.File), maxZipEntries)
	}
	for _, f := range r.File {
		if err := checkEntry(f); err != nil {
			return nil, err
		}
	}
	files := map[string]string{}
	left := limit
	top := topFolder(r.File)
	for _, f := range r.File {
		name := strings.TrimPrefix(f.Name, top)
		if strings.HasSuffix(name, "/") || !isPart(name) || strings.HasPrefix(f.Name, "__MACOSX/") {
			continue
		}
		if _, twice := files[name]; twice {
			return nil, badEntry(f, "it is there twice")
		}
		left -= int64(len(name))
		source, err := unpack(f, left)
		if err != nil {
			return nil, err
		}
		if int64(len(source)) > left {
			return nil, khronos.Errorf(khronos.ErrKindTooLarge, "the archive's files have more than %d bytes, the limit (template_bytes)", limit)
		}
		left -= int64(len(source))
		files[name] = source
	}
	return files, nil
}

// checkEntry refuses what a template's archive has no need of.
func checkEntry(f *zip.File) error {
	name := strings.TrimSuffix(f.Name, "/")
	mode := f.Mode()
	switch {
	case !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00:"):
		return badEntry(f, "want a clean relative path")
	case !mode.IsRegular() && !mode.IsDir():
		return badEntry(f, "it is neither a file nor a folder")
	case f.Flags&encrypted != 0:
		return badEntry(f, "it is encrypted")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return badEntry(f, fmt.Sprintf("compression method %d is not known", f.Method))
	}
	return nil
}

func badEntry(f *zip.File, why string) error {
	return khronos.Errorf(khronos.ErrKindBadRequest, "zip entry %.100q: %s", f.Name, why)
}

// topFolder gives the folder that an archive's entries all lie in, with its
// slash, or nothing.
func topFolder(entries []*zip.File) string {
	top := ""
	for _, f := range entries {
		first, _, nested := strings.Cut(f.Name, "/")
		switch {
		case first == "__MACOSX":
		case !nested, top != "" && top != first+"/":
			return ""
		default:
			top = first + "/"
		}
	}
	return top
}

// unpack reads an entry, or its first limit+1 bytes.
func unpack(f *zip.File, limit int64) (string, error) {
	r, err := f.Open()
	if err != nil {
		return "", badEntry(f, err.Error())
	}
	defer r.Close()
	source, err := io.ReadAll(io.LimitReader(r, max(limit, 0)+1))
	if err != nil {
		return "", badEntry(f, err.Error())
	}
	return string(source), nil
}
