package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Aim: W1 (one encoding per value) and W4 (no panic) for every decoder.
// Method: random well-formed values go through encode and decode; then their
// encodings are cut at every length, extended by a byte, and damaged at random.

// example gives one fixed value of d, the same in every run.
func example(d decoder) encoder {
	return rapid.Custom(func(t *rapid.T) encoder { return d.generate(t) }).Example(7)
}

// text shows every field of v, behind pointers too.
func text(v any) string {
	b, err := json.Marshal(v)
	return fmt.Sprintf("%s %v", strings.NewReplacer(`null`, `[]`, `""`, `[]`).Replace(string(b)), err)
}

func TestRoundTrip(t *testing.T) {
	for _, d := range decoders() {
		t.Run(d.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				want := d.generate(t)
				b := want.Append(nil)
				got, err := d.decode(b)
				if err != nil {
					t.Fatalf("decode of a well-formed value: %v", err)
				}
				// The text makes no difference between a nil and an empty slice,
				// which have one encoding.
				if g, w := text(got), text(want); g != w {
					t.Fatalf("decoded %s, want %s", g, w)
				}
				if again := got.Append(nil); !bytes.Equal(again, b) {
					t.Fatalf("encoded again as %x, want %x", again, b)
				}
				if m, ok := got.(Message); ok && m.Kind() != d.kind {
					t.Fatalf("kind %d decodes to a message of kind %d", d.kind, m.Kind())
				}
			})
		})
	}
}

func TestAppendKeepsPrefix(t *testing.T) {
	for _, d := range decoders() {
		v := example(d)
		if got, want := v.Append([]byte("head")), append([]byte("head"), v.Append(nil)...); !bytes.Equal(got, want) {
			t.Errorf("%s: Append does not append", d.name)
		}
	}
}

func TestEveryPrefixAndExtensionIsRefused(t *testing.T) {
	for _, d := range decoders() {
		b := example(d).Append(nil)
		for n := range len(b) {
			if _, err := d.decode(b[:n]); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%s: first %d of %d bytes: error %v, want ErrMalformed", d.name, n, len(b), err)
			}
		}
		if _, err := d.decode(append(bytes.Clone(b), 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: a trailing byte: error %v, want ErrMalformed", d.name, err)
		}
	}
}

// TestDamage changes bytes at random: what is still accepted must encode to the
// damaged bytes, so that no two byte strings are one value.
func TestDamage(t *testing.T) {
	for _, d := range decoders() {
		t.Run(d.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				b := d.generate(t).Append(nil)
				for range rapid.IntRange(1, 3).Draw(t, "flips") {
					b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "xor")
				}
				got, err := d.decode(b)
				if err != nil {
					if !errors.Is(err, ErrMalformed) {
						t.Fatalf("error %v does not wrap ErrMalformed", err)
					}
					return
				}
				if again := got.Append(nil); !bytes.Equal(again, b) {
					t.Fatalf("accepted %x and encoded it as %x", b, again)
				}
			})
		})
	}
}

func TestRequestEncodedBytes(t *testing.T) {
	q := Request{Body: make([]byte, 77)}
	if got := len(q.Append(nil)); got != q.EncodedBytes() {
		t.Errorf("EncodedBytes is %d, the encoding has %d", q.EncodedBytes(), got)
	}
}

func TestBlockHeaderBytes(t *testing.T) {
	h := BlockHeader{}
	if got := len(h.Append(nil)); got != BlockHeaderBytes {
		t.Errorf("a header has %d bytes, BlockHeaderBytes says %d", got, BlockHeaderBytes)
	}
}

func TestDecodersAliasTheirInput(t *testing.T) {
	b := (&Request{Body: []byte("body")}).Append(nil)
	q, err := DecodeRequest(b)
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, []byte("body"))] = 'B'
	if string(q.Body) != "Body" {
		t.Error("a decoded body is a copy, the documents promise an alias")
	}
	// The alias has no capacity behind it: appending must not write into the
	// signature that follows.
	_ = append(q.Body, 0xff)
	if again, _ := DecodeRequest(b); again.Signature != q.Signature {
		t.Error("appending to a decoded body changed the bytes behind it")
	}
}
