// Package leak finds secrets in what a program puts out.
//
// It knows the forms in which bytes come to be printed by accident: as they are,
// in hexadecimal, in base64 (so in PEM, too), as lists of numbers, quoted, as
// words of a stack trace, and each of them backwards. It looks for pieces, so a
// secret that was cut off is found as well. It is for tests; it keeps no secret
// out of anything.
//
// Thread: a Finder is filled by one goroutine; then Find may be called from any.
//
// Inputs: secrets by name; output as bytes. Outputs: what was found, where.
//
// Invariants:
//
//	K1  Any 22 bytes of a secret in a row are found, in each form.
//	K2  Nothing is found by chance: a match is 64 bits or more of the secret.
package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// pieceBytes is the length of the pieces that are looked for, and pieceStep how
// far apart they begin.
const (
	pieceBytes = 12
	pieceStep  = 10
)

// needle is one form of a piece of a secret.
type needle struct {
	text         string
	secret, form string
}

// start is the first bytes of a needle; all needles are at least so long.
type start [pieceBytes]byte

// Finder looks for secrets.
type Finder struct {
	needles map[start][]needle
	names   []string
}

// Leak is one find.
type Leak struct {
	Secret, Form string
	At           int // offset in the output, or in it without line ends for base64
}

// String says what was found and never the secret.
func (l Leak) String() string { return fmt.Sprintf("%s as %s at byte %d", l.Secret, l.Form, l.At) }

// Add makes the finder look for a secret of at least pieceBytes.
func (f *Finder) Add(name string, secret []byte) error {
	if len(secret) < pieceBytes {
		return fmt.Errorf("leak: %s has %d bytes; fewer than %d are found by chance", name, len(secret), pieceBytes)
	}
	if f.needles == nil {
		f.needles = make(map[start][]needle)
	}
	f.names = append(f.names, name)
	back := slices.Clone(secret)
	slices.Reverse(back)
	for _, way := range []struct {
		bytes []byte
		name  string
	}{{secret, ""}, {back, ", backwards"}} {
		for at := 0; at+pieceBytes <= len(way.bytes); at += pieceStep {
			f.addPiece(name, way.name, way.bytes[at:at+pieceBytes])
		}
		f.addPiece(name, way.name, way.bytes[len(way.bytes)-pieceBytes:])
		for at := 0; at+8 <= len(way.bytes); at += 8 {
			f.put(name, "a word of a stack"+way.name, fmt.Sprintf("0x%x", binary.BigEndian.Uint64(way.bytes[at:])))
		}
		f.put(name, "a decimal number"+way.name, new(big.Int).SetBytes(way.bytes).String())
	}
	return nil
}

// addPiece adds every form of one piece.
func (f *Finder) addPiece(secret, way string, piece []byte) {
	put := func(form, text string) { f.put(secret, form+way, text) }
	put("bytes", string(piece))
	put("hex", hex.EncodeToString(piece))
	for _, by := range []string{" ", ":", ", "} {
		put("hex by "+strconv.Quote(by), strings.TrimRight(strings.ReplaceAll(fmt.Sprintf("% x", piece), " ", by), by))
	}
	list := strings.Trim(fmt.Sprint(piece), "[]")
	for _, by := range []string{" ", ",", ", "} {
		put("numbers by "+strconv.Quote(by), strings.ReplaceAll(list, " ", by))
	}
	put("Go source", strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", piece), "[]byte{"), "}"))
	put("quoted", strings.Trim(strconv.Quote(string(piece)), `"`))
	for shift := range 3 {
		// What comes before decides how the bits fall; the ends belong to others.
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), piece...))
		text = text[(shift*8+5)/6 : (shift+pieceBytes)*8/6]
		put("base64", text)
		put("base64 for URLs", strings.NewReplacer("+", "-", "/", "_").Replace(text))
	}
}

// put adds one needle; a form that is shorter than pieceBytes says too little.
func (f *Finder) put(secret, form, text string) {
	if len(text) < pieceBytes {
		return
	}
	key := start([]byte(text[:pieceBytes]))
	for _, n := range f.needles[key] {
		if n.text == text && n.secret == secret {
			return
		}
	}
	f.needles[key] = append(f.needles[key], needle{text, secret, form})
}

// Names lists the secrets, in the order of Add.
func (f *Finder) Names() []string { return f.names }

// Find gives the leaks in an output, at most one per secret and form.
func (f *Finder) Find(output []byte) (found []Leak) {
	seen := map[Leak]bool{}
	unbroken := strings.NewReplacer("\r", "", "\n", "", `\n`, "", `\r`, "").Replace(string(output))
	for _, text := range [][]byte{output, bytes.ToLower(output), []byte(unbroken)} {
		for at := 0; at+pieceBytes <= len(text); at++ {
			for _, n := range f.needles[start(text[at:])] {
				once := Leak{Secret: n.secret, Form: n.form}
				if seen[once] || !bytes.HasPrefix(text[at:], []byte(n.text)) {
					continue
				}
				seen[once] = true
				found = append(found, Leak{n.secret, n.form, at})
			}
		}
	}
	return found
}
