package cluster

// Aim: key files are read exactly or refused, and secrets never show.
// Method: round trips, one edit per row, every formatting verb, fuzzing.

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func sampleNodeKeys() *NodeKeys {
	return &NodeKeys{Replica: 2, IdentitySeed: testSeed(2), SigmaShare: testSeed(50), TauShare: testSeed(51), PiShare: testSeed(52)}
}

func sampleClientKeys() *ClientKeys {
	return &ClientKeys{ID: 2, Name: "bank-a", Seed: testSeed(1001)}
}

func TestKeyFilesRoundTrip(t *testing.T) {
	if k, err := ParseNodeKeys(sampleNodeKeys().YAML()); err != nil || *k != *sampleNodeKeys() {
		t.Errorf("node keys: %v", err)
	}
	if k, err := ParseClientKeys(sampleClientKeys().YAML()); err != nil || *k != *sampleClientKeys() {
		t.Errorf("client keys: %v", err)
	}
}

func TestKeyFileMistakes(t *testing.T) {
	seed := testSeed(50)
	secret := hex.EncodeToString(seed[:])
	rows := []struct {
		what, old, new, problem string
		line                    int
	}{
		{"unknown key", "replica: 2\n", "replica: 2\nowner: me\n", "unknown key", 4},
		{"missing key", "replica: 2\n", "", "replica: the key is missing", 2},
		{"duplicate key", "replica: 2\n", "replica: 2\nreplica: 2\n", "stands twice", 4},
		{"version", "version: 1\n", "version: 9\n", "format version 9", 2},
		{"replica", "replica: 2\n", "replica: 256\n", "not a whole number", 3},
		{"short", secret, secret[2:], "62 characters", 5},
		{"not hex", secret, "xy" + secret[2:], "not hexadecimal", 5},
		{"zero", secret, strings.Repeat("0", 64), "the secret is zero", 5},
	}
	good := string(sampleNodeKeys().YAML())
	for _, r := range rows {
		text := strings.Replace(good, r.old, r.new, 1)
		_, err := ParseNodeKeys([]byte(text))
		var f *Fault
		if text == good || !errors.As(err, &f) || !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: accepted: %v", r.what, err)
			continue
		}
		if f.Line != r.line || !strings.Contains(err.Error(), r.problem) || f.Fix == "" {
			t.Errorf("%s: got %v, want line %d and %q", r.what, err, r.line, r.problem)
		}
		if strings.Contains(err.Error(), secret[8:]) {
			t.Errorf("%s: the message shows a secret: %v", r.what, err)
		}
	}
	for _, edit := range [][2]string{{"id: 2", "id: 0"}, {"'bank-a'", "''"}, {"seed:", "sead:"}} {
		text := strings.Replace(string(sampleClientKeys().YAML()), edit[0], edit[1], 1)
		if _, err := ParseClientKeys([]byte(text)); !errors.Is(err, ErrKeyFile) {
			t.Errorf("client keys with %s: %v", edit[1], err)
		}
	}
}

// TestKeysCheck is the rest of KEY-02: keys of another replica, another client
// or another cluster are refused.
func TestKeysCheck(t *testing.T) {
	g := sample(1, 0)
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := sampleNodeKeys().Check(g); err != nil {
		t.Errorf("right keys: %v", err)
	}
	if err := sampleClientKeys().Check(g); err != nil {
		t.Errorf("right client keys: %v", err)
	}
	node, other, nobody := sampleNodeKeys(), sampleNodeKeys(), sampleNodeKeys()
	node.Replica = 1
	other.IdentitySeed = testSeed(900)
	nobody.Replica = 4
	for _, k := range []*NodeKeys{node, other, nobody} {
		if err := k.Check(g); !errors.Is(err, ErrKeyFile) {
			t.Errorf("wrong keys of replica %d: %v", k.Replica, err)
		}
	}
	client, stranger := sampleClientKeys(), sampleClientKeys()
	client.Seed = testSeed(901)
	stranger.ID = 77
	for _, k := range []*ClientKeys{client, stranger} {
		if err := k.Check(g); !errors.Is(err, ErrKeyFile) {
			t.Errorf("wrong keys of client %d: %v", k.ID, err)
		}
	}
}

// TestKeysFormat prints keys with every verb, by value, by pointer and inside
// another struct.
func TestKeysFormat(t *testing.T) {
	node, client := sampleNodeKeys(), sampleClientKeys()
	for i := range SecretBytes {
		node.IdentitySeed[i], node.SigmaShare[i], node.TauShare[i], node.PiShare[i], client.Seed[i] = 0xa7, 0xa7, 0xa7, 0xa7, 0xa7
	}
	wrapped := struct {
		Node   NodeKeys
		Client *ClientKeys
	}{*node, client}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
		for _, v := range []any{node, *node, client, *client, wrapped, &wrapped} {
			text := strings.ToLower(fmt.Sprintf(verb, v))
			for _, secret := range []string{"a7a7", "a7 a7", "167 167", "0xa7, 0xa7", "\xa7\xa7"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T shows a secret: %s", verb, v, text)
				}
			}
		}
	}
}

func FuzzParseNodeKeys(f *testing.F) {
	f.Add(sampleNodeKeys().YAML())
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParseNodeKeys(text)
		if err != nil {
			return
		}
		if again, err := ParseNodeKeys(k.YAML()); err != nil || *again != *k {
			t.Fatalf("accepted, but reads back differently: %v", err)
		}
	})
}

func FuzzParseClientKeys(f *testing.F) {
	f.Add(sampleClientKeys().YAML())
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParseClientKeys(text)
		if err != nil {
			return
		}
		if again, err := ParseClientKeys(k.YAML()); err != nil || *again != *k {
			t.Fatalf("accepted, but reads back differently: %v", err)
		}
	})
}
