package wire

import (
	"bytes"
	"testing"
)

// Aim of this file: the hello messages have one encoding each (W1) and no bytes
// make their decoders panic (W4). Method: known lengths, truncation at every
// offset, a fuzz target per message.

var helloCodecs = map[string]struct {
	encoded  []byte
	reencode func([]byte) ([]byte, error)
}{
	"hello": {
		(&Hello{Version: HelloVersion, Replica: 3, Link: LinkBulk, Genesis: Digest{9}}).Append(nil),
		func(b []byte) ([]byte, error) { m, err := DecodeHello(b); return m.Append(nil), err },
	},
	"client hello": {
		(&ClientHello{Version: HelloVersion, Client: 7, Signature: Signature{1}}).Append(nil),
		func(b []byte) ([]byte, error) { m, err := DecodeClientHello(b); return m.Append(nil), err },
	},
	"server hello": {
		(&ServerHello{Version: HelloVersion, Replica: 2, Genesis: Digest{8}, FrameBytesMax: 1 << 20}).Append(nil),
		func(b []byte) ([]byte, error) { m, err := DecodeServerHello(b); return m.Append(nil), err },
	},
}

func TestHelloCodecs(t *testing.T) {
	for name, c := range helloCodecs {
		got, err := c.reencode(c.encoded)
		if err != nil || !bytes.Equal(got, c.encoded) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
		for n := range c.encoded {
			if _, err := c.reencode(c.encoded[:n]); err == nil {
				t.Errorf("%s: %d of %d bytes were accepted", name, n, len(c.encoded))
			}
		}
		if _, err := c.reencode(append(bytes.Clone(c.encoded), 0)); err == nil {
			t.Errorf("%s: a trailing byte was accepted", name)
		}
	}
	if _, err := DecodeClientHello((&ClientHello{Version: 1}).Append(nil)); err == nil {
		t.Error("client 0 was accepted")
	}
	if _, err := DecodeHello((&Hello{Version: 1, Link: linkCount}).Append(nil)); err == nil {
		t.Error("a third link was accepted")
	}
}

func TestClientHelloBindsEverything(t *testing.T) {
	base := ClientHelloSigningBytes(Digest{1}, [ExporterBytes]byte{2}, 3)
	for name, other := range map[string][]byte{
		"genesis":  ClientHelloSigningBytes(Digest{9}, [ExporterBytes]byte{2}, 3),
		"exporter": ClientHelloSigningBytes(Digest{1}, [ExporterBytes]byte{9}, 3),
		"client":   ClientHelloSigningBytes(Digest{1}, [ExporterBytes]byte{2}, 9),
	} {
		if bytes.Equal(base, other) {
			t.Errorf("%s is not bound", name)
		}
	}
}

func FuzzHello(f *testing.F) {
	for _, c := range helloCodecs {
		f.Add(c.encoded)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, c := range helloCodecs {
			if got, err := c.reencode(b); err == nil && !bytes.Equal(got, b) {
				t.Fatalf("%s: %x decodes and encodes as %x", name, b, got)
			}
		}
	})
}
