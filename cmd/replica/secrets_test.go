package main

// Aim: no value that holds a secret shows it, whatever is done to print it.
// Method: each such value of a real node and client through every verb of fmt,
// JSON and both handlers of slog; the finder of internal/leak is the judge, and a
// type without redaction shows that it judges.

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quorate/client"
	"quorate/cluster"
	"quorate/internal/leak"
	"quorate/internal/scheme"
	"quorate/netio"
	"quorate/pipeline"
	"quorate/sigagg"
)

// leaky is a secret whose author forgot it.
type leaky struct{ Seed [cluster.SecretBytes]byte }

// String shows all of it.
func (l leaky) String() string { return fmt.Sprintf("leaky %x", l.Seed) }

// keysOf reads what node 0 and the admin of a cluster keep secret.
func keysOf(t *testing.T, dir string) (*node, *cluster.ClientKeys) {
	t.Helper()
	n, err := loadNode(nodeDir(dir, 0), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := readSecret(clientFile(dir, adminName))
	if err != nil {
		t.Fatal(err)
	}
	admin, err := cluster.ParseClientKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return n, admin
}

// finderOf looks for the secrets of a node and a client.
func finderOf(t *testing.T, n *cluster.NodeKeys, c *cluster.ClientKeys) *leak.Finder {
	t.Helper()
	f := &leak.Finder{}
	for name, secret := range map[string][cluster.SecretBytes]byte{"identity": n.IdentitySeed, "sigma": n.SigmaShare, "tau": n.TauShare,
		"pi": n.PiShare, "vote": n.VoteSecret, "client": c.Seed} {
		if secret == ([cluster.SecretBytes]byte{}) {
			continue // not of this signature scheme
		}
		if err := f.Add(name, secret[:]); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// everythingShown is everything that can be made to print a value.
func everythingShown(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "% x", "%q", "%d", "%o", "%b"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	text, err := json.Marshal(v)
	fmt.Fprintf(&b, "%s %v\n", text, err)
	text, err = json.MarshalIndent(map[string]any{"in": v}, "", "  ")
	fmt.Fprintf(&b, "%s %v\n", text, err)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v, slog.Group("g", "v", []any{v}))
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v, slog.Group("g", "v", []any{v}))
	fmt.Fprintf(&b, "%v\n%+v\n", fmt.Errorf("wrapped: %v", v), struct{ V any }{v})
	return b.String()
}

func TestSecretTypesShowNothing(t *testing.T) {
	for _, name := range []string{"threshold-bls", "multi-bls", "ed25519"} {
		dir := newCluster(t, "--scheme", name)
		n, admin := keysOf(t, dir)
		f := finderOf(t, n.keys, admin)
		suite, err := pipeline.NewSuite(n.genesis, n.keys)
		if err != nil {
			t.Fatal(err)
		}
		signers, err := scheme.NewSigners(n.genesis, n.keys)
		if err != nil {
			t.Fatal(err)
		}
		config := netio.Config{Self: 0, Members: n.genesis.Members, Identity: n.keys.Identity(), GenesisHash: n.genesis.Hash(),
			PeerAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}
		values := map[string]any{"node keys": n.keys, "node keys by value": *n.keys, "client keys": admin, "client keys by value": *admin,
			"client identity": client.Keys{ID: admin.ID, Key: admin.Key()}, "suite": suite, "signers": signers, "signers by value": *signers,
			"links": config, "links by pointer": &config, "node": *n, "node by pointer": n}
		if share, err := sigagg.ParseSecretShare(n.keys.SigmaShare[:]); err == nil {
			signer, err := sigagg.NewSigner(share, 0)
			if err != nil {
				t.Fatal(err)
			}
			values["share"], values["signer"], values["signer by value"] = share, signer, *signer
			values["dealing"] = sigagg.Dealing{Shares: []sigagg.SecretShare{share}}
		}
		for what, v := range values {
			if found := f.Find([]byte(everythingShown(v))); found != nil {
				t.Errorf("%s: %s shows %v", name, what, found)
			}
		}
		// The judge: it must see what is not redacted.
		for what, v := range map[string]any{"leaky": leaky{n.keys.IdentitySeed}, "leaky in a list": []leaky{{n.keys.IdentitySeed}},
			"key of the library": n.keys.Identity(), "seed": admin.Seed, "private field": struct{ k ed25519.PrivateKey }{admin.Key()},
			"file": string(n.keys.YAML())} {
			if f.Find([]byte(everythingShown(v))) == nil {
				t.Errorf("%s: %s is not found", name, what)
			}
		}
	}
}

// Errors about key files quote lines of YAML; they must not quote secrets. Each
// file is broken in one place, and once in the middle of each secret.
func TestErrorsAboutKeysShowNothing(t *testing.T) {
	dir := newCluster(t)
	n, admin := keysOf(t, dir)
	f := finderOf(t, n.keys, admin)
	for file, text := range map[string]string{filepath.Join(nodeDir(dir, 0), keysFile): string(n.keys.YAML()), clientFile(dir, adminName): string(admin.YAML())} {
		for at, line := range strings.Split(text, "\n") {
			for what, bad := range map[string]string{"twice": line + "\n" + line, "without its key": strings.TrimLeft(line, "abcdefghijklmnopqrstuvwxyz_:"),
				"unquoted": strings.ReplaceAll(line, "'", ""), "open": strings.TrimRight(line, "'"), "cut": line[:len(line)*3/4], "long": strings.Replace(line, ": '", ": '00", 1),
				"not hex": strings.Replace(line, ": '", ": 'zz", 1), "tab": "\t" + line, "a key": "'" + line + "': 1", "unknown": "x_" + line, "list": "- " + line} {
				lines := strings.Split(text, "\n")
				lines[at] = bad
				bent := []byte(strings.Join(lines, "\n"))
				_, errNode := cluster.ParseNodeKeys(bent)
				_, errClient := cluster.ParseClientKeys(bent)
				if found := f.Find([]byte(fmt.Sprintf("%v\n%+v\n%#v\n%v\n%#v", errNode, errNode, errNode, errClient, errClient))); found != nil {
					t.Errorf("%s line %d %s: %v", filepath.Base(file), at+1, what, found)
				}
			}
		}
	}
}

// A certificate is made of the identity key and must not carry it.
func TestCertificateShowsNothing(t *testing.T) {
	n, admin := keysOf(t, newCluster(t))
	cert, err := netio.IdentityCertificate(n.keys.Identity(), 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if found := finderOf(t, n.keys, admin).Find(bytes.Join(cert.Certificate, nil)); found != nil {
		t.Error(found)
	}
}
