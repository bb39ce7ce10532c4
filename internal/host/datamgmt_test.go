package host_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/template-worker/template-worker/internal/khronos"
	"github.com/template-worker/template-worker/internal/limits"
	"github.com/template-worker/template-worker/internal/tenant"
)

// withData runs a script whose DATA is that, as a buffer, and gives what it printed.
func (s *stage) withData(data []byte, code string) string {
	s.t.Helper()
	payload, err := khronos.ValuePayload(khronos.Buffer(data))
	if err != nil {
		s.t.Fatal(err)
	}
	out := s.run(tenant.Job{
		Kind: tenant.JobRunScript, Name: "script", Event: khronos.Event{Name: "E", Data: payload},
		Code: "local ctx = ... local datamgmt = require(\"@antiraid/datamgmt\") local DATA = ctx:event().data\n" + code,
	})
	text := strings.ReplaceAll(s.printed(), "E: used more than 250ms of CPU time (cpu_soft); the limit is 1s (cpu_hard)\n", "")
	if out.Err != nil {
		text = strings.TrimPrefix(text+"\n"+out.Err.Kind.String()+": "+out.Err.Text, "\n")
	}
	return text
}

// gzipped compresses n zeros, again and again.
func gzipped(t testing.TB, n int64, times int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	for piece := make([]byte, 1<<20); n > 0; n -= int64(len(piece)) {
		w.Write(piece[:min(n, int64(len(piece)))])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := out.Bytes()
	for range times - 1 {
		var outer bytes.Buffer
		w := gzip.NewWriter(&outer)
		w.Write(data)
		w.Close()
		data = outer.Bytes()
	}
	return data
}

// Little data that unfolds to much is refused at the limit, in a nest as well, and
// what is under the limit but has no room is an error too. The script goes on and
// the memory is given back.
func TestD17_decompressionBombs(t *testing.T) {
	s := newStage(t)
	bomb := gzipped(t, 64<<20, 1)
	const refused = "@antiraid/datamgmt.decompress: what is unfolded has more than 8388608 bytes (decompress_bytes)"
	got := s.withData(bomb, `
		for i = 1, 3 do print(pcall(datamgmt.decompress, "gzip", DATA)) end
		print(collectgarbage("count") < 2000)`)
	if want := strings.Repeat("false\t"+refused+"\n", 3) + "true"; got != want {
		t.Errorf("a bomb: got %q, want %q", got, want)
	}
	nested := gzipped(t, 64<<20, 2)
	if len(nested) > 4<<10 {
		t.Fatalf("the nest has %d bytes", len(nested))
	}
	got = s.withData(nested, `local inner = datamgmt.decompress("gzip", DATA) print(#inner < 80000, pcall(datamgmt.decompress, "gzip", inner))`)
	if !strings.Contains(got, "true\tfalse\t") || !strings.HasSuffix(got, refused) {
		t.Errorf("a nest: got %q", got)
	}
	got = s.withData(gzipped(t, 7<<20, 1), `
		local kept = {}
		for i = 1, 5 do
			local ok, result = pcall(datamgmt.decompress, "gzip", DATA)
			print(ok, if ok then #result else result)
			kept[i] = result
		end`)
	if !strings.HasPrefix(got, "true\t7340032\n") || !strings.Contains(got, "no room for") || !strings.Contains(got, "heap_bytes") || strings.Contains(got, "memory_limit") {
		t.Errorf("no room: got %q", got)
	}
	got = s.withData(gzipped(t, 8<<20, 1), `print(#datamgmt.decompress("gzip", DATA))`)
	if got != "8388608" {
		t.Errorf("just as much as allowed: got %q", got)
	}
}

// Input that gives nothing and takes long to read is paid for, and ends.
func TestD17_slowInput(t *testing.T) {
	s := newStage(t)
	empty := gzipped(t, 0, 1)
	got := s.withData(bytes.Repeat(empty, 900<<10/len(empty)), `print(pcall(datamgmt.decompress, "gzip", DATA)) print(ctx.Runtime:usage().dispatch_cpu_seconds > 0.01)`)
	if !strings.HasSuffix(got, "\ntrue") {
		t.Errorf("got %q", got)
	}
}

// A derivation that wants more memory or more passes than it may have is refused
// before it begins.
func TestD17_derivations(t *testing.T) {
	s := newStage(t)
	for options, want := range map[string]string{
		`{ memory_kib = 65537 }`:                        "the derivation takes 67109888 bytes of memory: the limit is 67108864 (derive_bytes)",
		`{ memory_kib = 2^31 }`:                         "derive_bytes",
		`{ memory_kib = 2^40 }`:                         "options.memory_kib must be between 8 and",
		`{ memory_kib = -1 }`:                           "options.memory_kib must be between 8 and",
		`{ memory_kib = 0 / 0 }`:                        "options.memory_kib",
		`{ passes = 5 }`:                                "the derivation makes 5 passes: the limit is 4 (derive_passes)",
		`{ passes = 2^31 }`:                             "derive_passes",
		`{ passes = 0 }`:                                "options.passes must be between 1 and",
		`{ lanes = 255 }`:                               "options.lanes must be between 1 and 16",
		`{ length = 2^30 }`:                             "options.length must be between 4 and 512",
		`{ threads = 1 }`:                               `"threads" is no field of Argon2Options`,
		`{ memory_kib = 65536, passes = 2, lanes = 1 }`: "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7", // of the reference implementation
	} {
		got := s.script(`local d = require("@antiraid/datamgmt") print(pcall(function() return d.hexencode(d.argon2id("password", "somesalt", ` + options + `)) end))`)
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", options, got, want)
		}
	}
	if got := s.script(`print(pcall(require("@antiraid/datamgmt").argon2id, "password", "short"))`); !strings.Contains(got, "salt has 5 bytes: at least 8 are needed") {
		t.Errorf("a short salt: got %q", got)
	}
	l := limits.Default()
	l.DeriveBytes = 32 << 20
	for _, call := range []string{`aes256encrypt, "x", "k"`, `aes256decrypt, string.rep("x", 50), "k"`, `argon2id, "password", "somesalt"`} {
		if got := newStageWith(t, l).script(`print(pcall(require("@antiraid/datamgmt").` + call + `))`); !strings.Contains(got, "the limit is 33554432 (derive_bytes)") {
			t.Errorf("%s with less memory: got %q", call, got)
		}
	}
}

// Many derivations are stopped by the dispatch's CPU time, which they are paid with.
func TestD17_derivationsArePaid(t *testing.T) {
	got := newStage(t).withData(nil, `for i = 1, 100 do datamgmt.argon2id("password", "somesalt") end`)
	if !strings.Contains(got, "cpu_limit: over the limit of 1s CPU time for one dispatch") {
		t.Errorf("got %q", got)
	}
}

// tarOf writes an archive.
func tarOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(make([]byte, h.Size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Archives that say more than they hold, hold more than they may, or are none.
func TestD17_archives(t *testing.T) {
	s := newStage(t)
	good := tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 10}, tar.Header{Typeflag: tar.TypeDir, Name: "d/"},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/etc/passwd"}, tar.Header{Typeflag: tar.TypeReg, Name: "../" + strings.Repeat("n", 300), Size: 1})
	if got := s.withData(good, `local a = datamgmt.TarArchive(DATA) print(#a, a:entries()[1], #a:entries()[2], #a:takefile("a"), #a)`); got != "2\ta\t303\t10\t1" {
		t.Errorf("a good one: got %q", got)
	}
	huge := tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: "a", Size: 10})
	copy(huge[124:], "77777777777\x00") // 8 GiB
	sum := 0
	copy(huge[148:156], "        ")
	for _, b := range huge[:512] {
		sum += int(b)
	}
	copy(huge[148:], fmt.Sprintf("%06o\x00 ", sum))
	long := tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: strings.Repeat("n/", 600<<10) + "n", Size: 0, Format: tar.FormatGNU})
	many := make([]tar.Header, 300)
	for i := range many {
		many[i] = tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprint(i)}
	}
	l := limits.Default()
	l.ArchiveEntries = 299
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"a size that is not there": {huge, "the archive is cut off in \"a\""},
		"cut off":                  {good[:515], "the archive is cut off in \"a\""},
		"a header of a megabyte":   {long, "not a tar archive"},
		"no archive":               {bytes.Repeat([]byte("x"), 1024), "not a tar archive: archive/tar: invalid tar header"},
		"too many files":           {tarOf(t, many...), "the archive has more than 299 files (archive_entries)"},
	} {
		got := newStageWith(t, l).withData(test.data, `print(pcall(datamgmt.TarArchive, DATA))`)
		if !strings.Contains(got, "@antiraid/datamgmt.TarArchive: bytes: ") || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %.300q, want %q", name, got, test.want)
		}
	}
	got := s.withData(sparseTar(t), `print(pcall(datamgmt.TarArchive, DATA))`)
	if !strings.Contains(got, "sparse") {
		t.Errorf("a sparse file: got %q", got)
	}
}

// sparseTar gives an archive of a sparse file of 1 TiB that is not there.
func sparseTar(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	records := ""
	for _, r := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=a", "GNU.sparse.realsize=1099511627776"} {
		n := len(r) + 4 // the length in two digits, a space, a newline
		records += fmt.Sprintf("%d %s\n", n, r)
	}
	w := tar.NewWriter(&out)
	// A header for records of another file, written by hand: the package would not.
	header := func(flag byte, name string, size int) {
		block := make([]byte, 512)
		copy(block, name)
		copy(block[100:], "0000644\x00")
		copy(block[124:], fmt.Sprintf("%011o\x00", size))
		copy(block[136:], "00000000000\x00")
		copy(block[148:], "        ")
		block[156] = flag
		copy(block[257:], "ustar\x0000")
		sum := 0
		for _, b := range block {
			sum += int(b)
		}
		copy(block[148:], fmt.Sprintf("%06o\x00 ", sum))
		out.Write(block)
	}
	pad := func(text string) { out.WriteString(text + strings.Repeat("\x00", (512-len(text)%512)%512)) }
	header('x', "pax", len(records))
	pad(records)
	header('0', "a", 512)
	pad("1\n0\n0\n") // a map of one piece without bytes
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// While work reads a Blob nothing changes or empties it; a buffer may be changed.
func TestWork_inputs(t *testing.T) {
	got := newStage(t).withData(nil, `
		local blob, buf = datamgmt.newblob(string.rep("a", 2000000)), buffer.create(200000)
		local results = {}
		task.spawn(function() -- long enough to be under way for all that follows
			local packed = datamgmt.compress("gzip", blob)
			results.blob = datamgmt.hexencode(datamgmt.hash("sha1", datamgmt.decompress("gzip", packed)))
		end)
		task.spawn(function() results.buffer = datamgmt.hexencode(datamgmt.hash("sha1", buf)) end)
		for _, f in { blob.drain, blob.zeroize, blob.tobuffer, datamgmt.newblob, function(b) return datamgmt.compress("gzip", b) end } do
			print(pcall(f, blob))
		end
		buffer.fill(buf, 0, 1)
		while not (results.blob and results.buffer) do task.wait() end
		print(results.blob, results.buffer)
		blob:drain()
		print(#blob)`)
	lines := strings.Split(got, "\n")
	if len(lines) != 7 {
		t.Fatalf("got %q", got)
	}
	for _, line := range lines[:5] {
		if !strings.Contains(line, "the Blob is in use by a call that has not ended") {
			t.Errorf("got %q", line)
		}
	}
	// Of 2,000,000 times the letter a, and of 200,000 zero bytes.
	if want := fmt.Sprintf("%x\t%x", sha1.Sum(bytes.Repeat([]byte("a"), 2_000_000)), sha1.Sum(make([]byte, 200_000))); lines[5] != want {
		t.Errorf("hashes: got %q, want %q", lines[5], want)
	}
	if lines[6] != "0" {
		t.Errorf("after the end: %q", lines[6])
	}
}

// Memory of Blobs counts as the tenant's, and is given back when they are emptied.
func TestD17_blobsCount(t *testing.T) {
	got := newStage(t).withData(nil, `
		local usage = function() return ctx.Runtime:usage().memory_bytes end
		local before = usage()
		local blob = datamgmt.newblob(buffer.create(3000000))
		collectgarbage()
		print(usage() - before >= 3000000)
		blob:drain()
		collectgarbage()
		local archive = datamgmt.TarArchive()
		local small = usage()
		archive:addfile("a", string.rep("x", 2000000))
		print(usage() - small >= 2000000)
		local file = archive:takefile("a")
		archive, small = nil, nil
		file:drain()
		print(pcall(function()
			local all = {}
			for i = 1, 100 do all[i] = datamgmt.newblob(DATA) end
		end))`)
	if !strings.HasPrefix(got, "true\ntrue\n") {
		t.Errorf("got %q", got)
	}
	got = newStage(t).withData(make([]byte, 900<<10), `
		local all = {}
		print(pcall(function() for i = 1, 100 do all[i] = datamgmt.newblob(DATA) end end))
		print(#all > 10 and #all < 22)`)
	if !strings.Contains(got, "newblob: no room for 921600 bytes") || !strings.HasSuffix(got, "\ntrue") {
		t.Errorf("many: got %q", got)
	}
}

// What is made by one is read by the other, large enough to be done elsewhere.
func TestDatamgmt_large(t *testing.T) {
	s := newStage(t)
	data := bytes.Repeat([]byte("some text, some more text. "), 20_000)
	got := s.withData(data, `
		for _, format in { "gzip", "zlib" } do
			for _, level in { 0, 1, 9 } do
				local packed = datamgmt.compress(format, DATA, level)
				print(#packed, datamgmt.equal(datamgmt.decompress(format, packed), DATA))
			end
		end
		local text = datamgmt.base64encode(DATA)
		print(#text, datamgmt.equal(datamgmt.base64decode(text), DATA))
		local secret = datamgmt.aes256encrypt(DATA, "key")
		print(#secret, datamgmt.equal(datamgmt.aes256decrypt(secret, "key"), DATA), #secret)
		local archive = datamgmt.TarArchive()
		for i = 1, 100 do archive:addfile(string.rep("folder/", i) .. "file", DATA) if i == 10 then break end end
		local read = datamgmt.TarArchive(archive:toblob())
		print(#read, datamgmt.equal(read:takefile("folder/folder/file"), DATA), #read)`)
	for _, line := range strings.Split(got, "\n") {
		if !strings.Contains(line, "\ttrue") {
			t.Errorf("got %q", line)
		}
	}
	want := base64.StdEncoding.EncodeToString(data)
	if !strings.Contains(got, fmt.Sprintf("\n%d\ttrue\n540036\ttrue\t0\n10\ttrue\t9", len(want))) || strings.Count(got, "\n") != 8 {
		t.Errorf("got %q", got)
	}
}
