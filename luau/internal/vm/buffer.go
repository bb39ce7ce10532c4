package vm

// Buffer is a block of bytes of fixed length.
type Buffer struct {
	header
	b []byte
}

// NewBuffer makes a buffer of n zero bytes. The caller has checked that n is not negative.
func (vm *VM) NewBuffer(n int) (*Buffer, error) {
	if err := vm.chargeObject(sizeBuffer + bytesSize(n)); err != nil {
		return nil, err
	}
	return &Buffer{b: make([]byte, n)}, nil
}

// Bytes gives the content itself, not a copy.
func (b *Buffer) Bytes() []byte { return b.b }

// Len gives the length in bytes.
func (b *Buffer) Len() int { return len(b.b) }

func (b *Buffer) size() int64 { return sizeBuffer + bytesSize(len(b.b)) }
