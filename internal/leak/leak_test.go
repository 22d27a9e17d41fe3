package leak

// Aim: a secret is found however it is printed, in part or whole, and nothing is
// found where none is. Method: random secrets, printed in each way that Go's
// libraries offer, amid other text; and a megabyte of noise.

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// leaky is a type whose author forgot that it is a secret.
type leaky struct{ Seed [32]byte }

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func printed(t *testing.T, secret []byte) map[string]string {
	t.Helper()
	key := ed25519.NewKeyFromSeed(secret)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(leaky{[32]byte(secret)})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "keys", leaky{[32]byte(secret)})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", fmt.Sprintf("%x", secret))
	inString, err := json.Marshal(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	if err != nil {
		t.Fatal(err)
	}
	back := bytes.Clone(secret)
	for i := range back {
		back[i] = secret[len(secret)-1-i]
	}
	out := map[string]string{
		"raw": string(secret), "hex": hex.EncodeToString(secret), "HEX": strings.ToUpper(hex.EncodeToString(secret)), "hex backwards": hex.EncodeToString(back),
		"pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "pem in JSON": string(inString),
		"url": base64.URLEncoding.EncodeToString(der), "json": string(asJSON), "log": log.String(),
		"number": new(big.Int).SetBytes(secret).String(), "stack": fmt.Sprintf("main.f({%#x, ...})", binary.LittleEndian.Uint64(secret[8:])),
		"front": hex.EncodeToString(secret[:22]), "back": hex.EncodeToString(secret[10:]), "middle": base64.StdEncoding.EncodeToString(secret[5:27]),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%X", "% x", "%q", "%s", "%d"} {
		out["slice "+verb] = fmt.Sprintf(verb, secret)
		if verb != "%s" && verb != "%q" {
			out["type "+verb] = fmt.Sprintf(verb, leaky{[32]byte(secret)})
		}
	}
	return out
}

func TestFindsEveryForm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		secret := random(r, 32)
		f := &Finder{}
		if err := f.Add("seed", secret); err != nil {
			t.Fatal(err)
		}
		for form, text := range printed(t, secret) {
			for _, around := range []string{"", "{\"msg\":\"", "key: "} {
				if f.Find([]byte(around+text+"\"}\n")) == nil {
					t.Errorf("%s is not found", form)
				}
			}
		}
	}
}

func TestFindsNothingElse(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	f := &Finder{}
	for i := range 20 {
		if err := f.Add(fmt.Sprint(i), random(r, 32)); err != nil {
			t.Fatal(err)
		}
	}
	other := random(r, 32)
	var text bytes.Buffer
	for _, s := range printed(t, other) {
		text.WriteString(s)
	}
	noise := random(r, 1<<18)
	text.Write(noise)
	text.WriteString(hex.EncodeToString(noise) + base64.StdEncoding.EncodeToString(noise) + fmt.Sprint(noise))
	if found := f.Find(text.Bytes()); found != nil {
		t.Errorf("found %v", found)
	}
	if err := f.Add("short", make([]byte, 11)); err == nil {
		t.Error("a secret that is found by chance is taken")
	}
	if l := (Leak{"seed", "hex", 7}).String(); l != "seed as hex at byte 7" {
		t.Error(l)
	}
}
