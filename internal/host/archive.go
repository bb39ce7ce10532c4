package host

import (
	"archive/tar"
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/template-worker/template-worker/luau"
)

// archive is what a TarArchive userdata holds. Its bytes count as the userdata's.
type archive struct {
	files []archived
	size  int64 // of all files, with what they take
	spent bool  // toblob has used it up
}

type archived struct {
	name  string
	bytes []byte
}

// fileRoom is what a file takes beside its name and its bytes.
const fileRoom = 64

func (f archived) size() int64 { return fileRoom + int64(len(f.name)+cap(f.bytes)) }

var archiveType = &luau.UserType{
	Name: "TarArchive",
	Len: func(_ *luau.VM, self *luau.Userdata) (luau.Value, error) {
		return luau.Number(float64(len(self.Data().(*archive).files))), nil
	},
	ToString: func(*luau.VM, *luau.Userdata) (string, error) { return "TarArchive", nil },
}

const (
	// tarFuel is what a byte of an archive costs to read or to write, tarFileFuel what
	// each file does.
	tarFuel     = 1
	tarFileFuel = 500
	// tarRoom is what reading an archive takes: its longest header, three times.
	tarRoom = 3 << 20
)

// openArchive is datamgmt.TarArchive(bytes?) -> TarArchive.
func openArchive(c *luau.Call) error {
	if c.Arg(0).IsNil() {
		return giveArchive(c, nil, 0)
	}
	t, err := newTask(c, datamgmt+"TarArchive", 0)
	if err != nil {
		return err
	}
	n := t.size()
	room := min(3*n, tarRoom)
	if err := hold(c, room); err != nil {
		return err
	}
	limit := envOf(c).Limits().ArchiveEntries
	var found []archived // with bytes of the archive itself
	return t.run(c, n*tarFuel+n/512*(tarFileFuel/2), n <= smallBytes, func(ctx context.Context) error {
		found, err = readTar(ctx, t.ins[0].bytes, limit)
		return err
	}, func(c *luau.Call) error {
		c.Free(room)
		var size int64
		for _, f := range found {
			size += fileRoom + int64(len(f.name)+len(f.bytes))
		}
		if err := hold(c, size); err != nil {
			return err
		}
		if err := c.Charge(size / 64); err != nil {
			return err
		}
		for i := range found {
			found[i].bytes = append(make([]byte, 0, len(found[i].bytes)), found[i].bytes...)
		}
		if err := t.take(c); err != nil {
			return err
		}
		return giveArchive(c, found, size)
	})
}

// giveArchive returns an archive of files for which c has allocated held.
func giveArchive(c *luau.Call, files []archived, held int64) error {
	a := &archive{files: files}
	for _, f := range files {
		a.size += f.size()
	}
	c.Free(held)
	v, err := newHostValue(c.VM(), archiveType, a, blobRoom+a.size)
	if err != nil {
		return err
	}
	return c.Return1(v)
}

// readTar finds the files of an archive; nothing is copied, and nothing that it
// says of sizes is believed: a file lies in the archive or it is refused.
func readTar(ctx context.Context, data []byte, limit int) ([]archived, error) {
	var files []archived
	from := bytes.NewReader(data)
	r := tar.NewReader(from)
	for {
		if ctx.Err() != nil {
			return nil, errTooLong
		}
		header, err := r.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, unfitf("bytes: not a tar archive: %v", err)
		}
		if header.Typeflag != tar.TypeReg {
			if header.Typeflag == tar.TypeGNUSparse {
				return nil, errSparse
			}
			continue
		}
		for record := range header.PAXRecords {
			if strings.HasPrefix(record, "GNU.sparse.") {
				return nil, errSparse
			}
		}
		if len(files) >= limit {
			return nil, unfitf("bytes: the archive has more than %d files (archive_entries)", limit)
		}
		start := int64(len(data) - from.Len())
		if header.Size < 0 || header.Size > int64(len(data))-start {
			return nil, unfitf("bytes: the archive is cut off in %.60q", header.Name)
		}
		files = append(files, archived{strings.Clone(header.Name), data[start : start+header.Size]})
	}
}

var errSparse = unfitf("bytes: the archive has a sparse file: those are not read")

// archiveOf gives the archive that a method is called on.
func archiveOf(c *luau.Call) (*archive, error) {
	a := c.Arg(0).AsUserdata().Data().(*archive)
	if a.spent {
		return nil, unfitf("the archive has been used up by toblob")
	}
	return a, nil
}

// resize counts what the archive holds now.
func (a *archive) resize(c *luau.Call, self luau.Value, size int64) error {
	if err := c.VM().Resize(self.AsUserdata(), blobRoom+size); err != nil {
		return err
	}
	a.size = size
	return nil
}

// archiveTake is archive:takefile(name) -> Blob?: it takes the file out.
func archiveTake(c *luau.Call) error {
	a, err := archiveOf(c)
	if err != nil {
		return err
	}
	if err := c.Charge(int64(len(a.files)) / 8); err != nil {
		return err
	}
	name := c.Arg(1).AsString().Str()
	i := slices.IndexFunc(a.files, func(f archived) bool { return f.name == name })
	if i < 0 {
		return c.Return1(luau.Nil)
	}
	f := a.files[i]
	if err := a.resize(c, c.Arg(0), a.size-f.size()); err != nil {
		return err
	}
	a.files = slices.Delete(a.files, i, i+1)
	return giveBlob(c, f.bytes, 0)
}

// archiveAdd is archive:addfile(name, bytes).
func archiveAdd(c *luau.Call) error {
	a, err := archiveOf(c)
	if err != nil {
		return err
	}
	if limit := envOf(c).Limits().ArchiveEntries; len(a.files) >= limit {
		return unfitf("the archive has %d files, its limit (archive_entries)", limit)
	}
	self, v := c.Arg(0), c.Arg(2)
	name := c.Arg(1).AsString().Str()
	if name == "" || strings.ContainsRune(name, 0) {
		return unfitf("name: it is empty or has a zero in it")
	}
	f := archived{name: name}
	if asBlob(v) == nil {
		n := int64(len(bytesOf(v)))
		if err := hold(c, n); err != nil {
			return err
		}
		if err := c.Charge(n / 64); err != nil {
			return err
		}
		f.bytes = append(make([]byte, 0, n), bytesOf(v)...)
		c.Free(n)
	} else if f.bytes, err = empty(c, v); err != nil {
		return err
	}
	if err := a.resize(c, self, a.size+f.size()); err != nil {
		return err
	}
	a.files = append(a.files, f)
	return c.Return0()
}

// archiveEntries is archive:entries() -> {name}.
func archiveEntries(c *luau.Call) error {
	a, err := archiveOf(c)
	if err != nil {
		return err
	}
	if err := c.Charge(int64(len(a.files))); err != nil {
		return err
	}
	t, err := c.VM().NewTable(len(a.files), 0)
	if err != nil {
		return err
	}
	c.Hold(t.Value())
	t.SetMeta(arrayMeta)
	for i, f := range a.files {
		v, err := c.VM().NewString(f.name)
		if err == nil {
			err = t.SetInt(c.VM(), i+1, v)
		}
		if err != nil {
			return err
		}
	}
	return c.Return1(t.Value())
}

// archiveToBlob is archive:toblob() -> Blob: it uses the archive up.
func archiveToBlob(c *luau.Call) error {
	a, err := archiveOf(c)
	if err != nil {
		return err
	}
	self := c.Arg(0)
	room := int64(1 << 10) // the end
	for _, f := range a.files {
		room += 3*512 + padded(len(f.name)+1) + padded(len(f.bytes)) // header, long name with its own, data
	}
	if err := hold(c, room); err != nil {
		return err
	}
	files := a.files
	a.spent, a.files = true, nil // nobody changes them meanwhile; they count until the end
	t := &task{label: "TarArchive:toblob"}
	var out []byte
	return t.run(c, room*tarFuel+int64(len(files))*tarFileFuel, room <= smallBytes, func(ctx context.Context) error {
		out, err = writeTar(ctx, make([]byte, 0, room), files)
		return err
	}, func(c *luau.Call) error {
		if err := a.resize(c, self, 0); err != nil {
			return err
		}
		return giveBlob(c, out, room)
	})
}

func padded(n int) int64 { return (int64(n) + 511) &^ 511 }

// writeTar writes the files with GNU headers; the room is enough.
func writeTar(ctx context.Context, room []byte, files []archived) ([]byte, error) {
	out := bytes.NewBuffer(room)
	w := tar.NewWriter(out)
	for _, f := range files {
		if ctx.Err() != nil {
			return nil, errTooLong
		}
		header := tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.bytes)), Mode: 0o644, Format: tar.FormatGNU}
		err := w.WriteHeader(&header)
		if err == nil {
			_, err = w.Write(f.bytes)
		}
		if err != nil {
			return nil, unfitf("%.60q: %v", f.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, unfitf("%v", err)
	}
	return out.Bytes(), nil
}
