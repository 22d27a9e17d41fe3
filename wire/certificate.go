package wire

import (
	"encoding/hex"
	"fmt"
)

// What replicas sign together comes in two forms: one replica's share, and the
// certificate that enough shares make. Which bytes they are is the signature
// scheme's business, which genesis names and package sigagg implements; here and
// in the core they are opaque, bounded, compared for equality and nothing else.
// Two different certificates may be valid for one statement: a scheme with a
// bitmap makes one for each set of signers.

// Share is one replica's signature. The zero value is none.
type Share struct {
	length uint8
	bytes  [ShareBytesMax]byte // zero from length on, so that == compares shares
}

// NewShare takes up to ShareBytesMax bytes, which are copied. It returns
// ErrMalformed for more.
func NewShare(b []byte) (s Share, err error) {
	if len(b) > ShareBytesMax {
		return s, fmt.Errorf("%w: share of %d bytes is over %d", ErrMalformed, len(b), ShareBytesMax)
	}
	s.length = uint8(copy(s.bytes[:], b))
	return s, nil
}

// Bytes gives the scheme's bytes. They alias s and are read-only.
func (s *Share) Bytes() []byte { return s.bytes[:s.length:s.length] }

func (s *Share) append(b []byte) []byte {
	return append(appendU8(b, s.length), s.bytes[:s.length]...)
}

// certificateHeadBytes is how much of a certificate stands in place: all of one
// of the default scheme, so that decoding it takes no memory.
const certificateHeadBytes = 48

// Certificate is a quorum's signature. The zero value is none. It is immutable
// and may be a map's key.
type Certificate struct {
	length uint16
	head   [certificateHeadBytes]byte // zero from length on
	rest   string                     // what is behind the head
}

// NewCertificate takes up to CertificateBytesMax bytes, which are copied. It
// returns ErrMalformed for more.
func NewCertificate(b []byte) (c Certificate, err error) {
	if len(b) > CertificateBytesMax {
		return c, fmt.Errorf("%w: certificate of %d bytes is over %d", ErrMalformed, len(b), CertificateBytesMax)
	}
	c.length = uint16(len(b))
	if n := copy(c.head[:], b); n < len(b) {
		c.rest = string(b[n:])
	}
	return c, nil
}

// Bytes gives the scheme's bytes, read-only. They alias c, or are a copy if they
// are longer than those of the default scheme.
func (c *Certificate) Bytes() []byte {
	if c.rest == "" {
		return c.head[:c.length:c.length]
	}
	return append(append(make([]byte, 0, c.length), c.head[:]...), c.rest...)
}

// String gives the bytes in hexadecimal, as receipts show them.
func (c Certificate) String() string { return hex.EncodeToString(c.Bytes()) }

func (c *Certificate) append(b []byte) []byte {
	b = append(appendU16(b, c.length), c.head[:min(c.length, certificateHeadBytes)]...)
	return append(b, c.rest...)
}

func (r *reader) share(what string) Share {
	n := int(r.u8(what))
	s, err := NewShare(r.take(n, what))
	if err != nil {
		r.fail(fmt.Sprintf("%s of %d bytes is over %d", what, n, ShareBytesMax))
	}
	return s
}

func (r *reader) certificate(what string) Certificate {
	n := int(r.u16(what))
	if n > CertificateBytesMax {
		r.fail(fmt.Sprintf("%s of %d bytes is over %d", what, n, CertificateBytesMax))
		return Certificate{}
	}
	c, _ := NewCertificate(r.take(n, what)) // within the bound
	return c
}
