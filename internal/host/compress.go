package host

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"

	"github.com/template-worker/template-worker/luau"
)

const (
	// compressFuel is what a byte costs to compress at the best level (15 to 120 were
	// measured: what it takes beyond this is paid for later), inflateFuel what a byte
	// costs to unfold, scanFuel what a byte of folded input costs: there is data that
	// gives nothing and has to be read.
	compressFuel = 20
	inflateFuel  = 3
	scanFuel     = 4

	deflateRoom = 900 << 10 // what a compressor takes
	inflateRoom = 96 << 10  // what its inverse takes
	firstPiece  = 64 << 10  // of what is unfolded
)

// compressBytes is datamgmt.compress(format, bytes, level?) -> Blob.
func compressBytes(c *luau.Call) error {
	t, err := newTask(c, datamgmt+"compress", 1)
	if err != nil {
		return err
	}
	format, level := c.Arg(0).AsString().Str(), gzip.BestCompression
	if v := c.Arg(2); !v.IsNil() {
		level = int(v.AsNumber())
	}
	n := t.size()
	most := n + n/1000 + 512 // data that cannot be folded is stored as it is
	if err := hold(c, deflateRoom+most+most/2); err != nil {
		return err
	}
	var out []byte
	return t.run(c, n*compressFuel, false, func(ctx context.Context) error {
		buf := bytes.NewBuffer(make([]byte, 0, most))
		if err := deflate(ctx, buf, format, level, t.ins[0].bytes); err != nil {
			return err
		}
		out = buf.Bytes()
		if len(out) < cap(out)/2 {
			out = append(make([]byte, 0, len(out)), out...)
		}
		return nil
	}, func(c *luau.Call) error { return giveBlob(c, out, deflateRoom+most+most/2) })
}

// deflate writes data to buf, a piece at a time.
func deflate(ctx context.Context, buf *bytes.Buffer, format string, level int, data []byte) error {
	var w io.WriteCloser
	if format == "gzip" {
		w, _ = gzip.NewWriterLevel(buf, level) // the level is in its range
	} else {
		w, _ = zlib.NewWriterLevel(buf, level)
	}
	for len(data) > 0 {
		if ctx.Err() != nil {
			return errTooLong
		}
		piece := data[:min(len(data), firstPiece)]
		w.Write(piece) // a buffer takes everything
		data = data[len(piece):]
	}
	w.Close()
	return nil
}

// unfolding is a decompress in progress. It goes on by steps: before each one its
// output gets room, which is charged and paid for first.
type unfolding struct {
	task  *task
	limit int64
	in    cautious
	r     io.Reader // nil before the first step
	out   []byte    // of the room that is held
	ended bool
}

// decompressBytes is datamgmt.decompress(format, bytes) -> Blob.
func decompressBytes(c *luau.Call) error {
	t, err := newTask(c, datamgmt+"decompress", 1)
	if err != nil {
		return err
	}
	if err := c.Charge(t.size() * scanFuel); err != nil {
		return err
	}
	if err := hold(c, inflateRoom); err != nil {
		return err
	}
	u := &unfolding{task: t, limit: envOf(c).Limits().DecompressBytes}
	return u.step(c, c.Arg(0).AsString().Str(), t.size()*scanFuel)
}

// step doubles the room and fills it. paid is for the input, the first time.
func (u *unfolding) step(c *luau.Call, format string, paid int64) error {
	room := min(max(2*int64(cap(u.out)), firstPiece), u.limit)
	if err := hold(c, room); err != nil {
		return err
	}
	before := u.out
	fuel := (room - int64(len(before))) * inflateFuel
	if err := c.Charge(fuel); err != nil {
		return err
	}
	return u.task.start(c, fuel+paid, func(ctx context.Context) error {
		u.in.ctx = ctx
		if u.r == nil {
			u.in.r.Reset(u.task.ins[0].bytes)
			var err error
			if u.r, err = inflater(format, &u.in); err != nil {
				return err
			}
		}
		u.out = append(make([]byte, 0, room), before...)
		return u.fill(format)
	}, func(c *luau.Call) error {
		c.Free(int64(cap(before)))
		switch {
		case u.ended:
			return u.finish(c, room)
		case room == u.limit:
			return unfitf("what is unfolded has more than %d bytes (decompress_bytes)", u.limit)
		}
		return u.step(c, format, 0)
	})
}

// fill reads until the room is full, or the end is reached. At the limit it looks
// one byte further.
func (u *unfolding) fill(format string) error {
	for {
		into := u.out[len(u.out):cap(u.out)]
		if len(into) == 0 {
			if int64(cap(u.out)) < u.limit {
				return nil
			}
			into = make([]byte, 1)
		}
		n, err := u.r.Read(into)
		if n > 0 && len(u.out) == cap(u.out) {
			return nil
		}
		u.out = u.out[:len(u.out)+n]
		switch {
		case err == io.EOF:
			u.ended = true
			return nil
		case u.in.ctx.Err() != nil:
			return errTooLong
		case err != nil:
			return unfitf("the bytes are not %s: %v", format, err)
		}
	}
}

// finish gives a Blob no larger than twice what is in it.
func (u *unfolding) finish(c *luau.Call, room int64) error {
	n := int64(len(u.out))
	if n > room/2 {
		return giveBlob(c, u.out, room)
	}
	if err := hold(c, n); err != nil {
		return err
	}
	out := append(make([]byte, 0, n), u.out...)
	c.Free(room)
	return giveBlob(c, out, n)
}

func inflater(format string, in io.Reader) (r io.Reader, err error) {
	if format == "gzip" {
		r, err = gzip.NewReader(in)
	} else {
		r, err = zlib.NewReader(in)
	}
	if err != nil {
		return nil, unfitf("the bytes are not %s: %v", format, err)
	}
	return r, nil
}

// cautious gives its bytes in pieces and none any more when its work is to end, so
// that input which gives nothing for long cannot hold on to a processor.
type cautious struct {
	ctx context.Context
	r   bytes.Reader
}

func (r *cautious) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p[:min(len(p), 4<<10)])
}
