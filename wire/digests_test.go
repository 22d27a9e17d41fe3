package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// Aim: W3. No two things that are hashed or signed share bytes, and no field
// that a digest should cover can change without changing it.
// Method: Sum against a slow twin; all domains over the same parts; each field
// of each digest changed in turn.

// slowSum is Sum, written again over one buffer.
func slowSum(domain Domain, parts ...[]byte) Digest {
	var b bytes.Buffer
	for _, p := range append([][]byte{[]byte(domain)}, parts...) {
		_ = binary.Write(&b, binary.LittleEndian, uint64(len(p)))
		b.Write(p)
	}
	return sha256.Sum256(b.Bytes())
}

func TestSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 20), 0, 4).Draw(t, "parts")
		if Sum("a/b", parts...) != slowSum("a/b", parts...) {
			t.Fatal("Sum differs from its twin")
		}
	})
}

func TestSumSeparatesParts(t *testing.T) {
	lists := [][][]byte{
		{}, {{}}, {{}, {}}, {[]byte("ab")}, {[]byte("a"), []byte("b")}, {[]byte("ab"), {}}, {{}, []byte("ab")},
	}
	seen := map[Digest]string{}
	for _, l := range lists {
		for _, d := range []Domain{"", "x", "xy"} {
			h, name := Sum(d, l...), fmt.Sprintf("%q %q", d, l)
			if other, ok := seen[h]; ok {
				t.Errorf("%s and %s have one digest", name, other)
			}
			seen[h] = name
		}
	}
}

func TestDomainsDiffer(t *testing.T) {
	domains := []Domain{
		domainSlot, domainSlowCommit, domainAuthor, domainCheckpoint, domainViewChange, domainNewView,
		domainRequest, domainSignature, domainBatch, domainResult, domainBlock, domainExecute, domainClientHello,
	}
	seen := map[Domain]bool{}
	for _, d := range domains {
		if seen[d] {
			t.Errorf("domain %q is used twice", d)
		}
		seen[d] = true
	}
}

// covers reports the fields (of structs and arrays, nested) of value whose
// change leaves digest unchanged.
func covers[T any](value T, digest func(*T) Digest) (missed []string) {
	before := digest(&value)
	var walk func(v reflect.Value, name string)
	try := func(v reflect.Value, name string, change func()) {
		old := reflect.New(v.Type()).Elem()
		old.Set(v)
		change()
		if digest(&value) == before {
			missed = append(missed, name)
		}
		v.Set(old)
	}
	walk = func(v reflect.Value, name string) {
		switch v.Interface().(type) {
		case Certificate: // opaque: one of other bytes
			try(v, name, func() {
				c, _ := NewCertificate([]byte{1})
				v.Set(reflect.ValueOf(c))
			})
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i), name+"."+v.Type().Field(i).Name)
			}
		case reflect.Array:
			for _, i := range []int{0, v.Len() - 1} {
				walk(v.Index(i), fmt.Sprintf("%s[%d]", name, i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), fmt.Sprintf("%s[%d]", name, i))
			}
			try(v, name+" shortened", func() { v.Set(v.Slice(0, v.Len()-1)) })
		case reflect.Bool:
			try(v, name, func() { v.SetBool(!v.Bool()) })
		default:
			try(v, name, func() { v.SetUint(v.Uint() ^ 1) })
		}
	}
	walk(reflect.ValueOf(&value).Elem(), "")
	return missed
}

func TestDigestsCoverTheirFields(t *testing.T) {
	cluster := Digest{1, 2, 3}
	scope := Scope{Cluster: cluster, Epoch: 7}
	slot := SlotID{View: 1, Seq: 2, Digest: Digest{3}}
	check := func(name string, missed []string, want ...string) {
		t.Helper()
		if fmt.Sprint(missed) != fmt.Sprint(want) {
			t.Errorf("%s does not cover %v, want %v", name, missed, want)
		}
	}
	check("block header", covers(BlockHeader{Seq: 1, Time: 2}, func(h *BlockHeader) Digest { return h.Hash() }))
	check("slot", covers(slot, func(s *SlotID) Digest { return scope.SlotHash(*s) }))
	check("scope of slot", covers(scope, func(s *Scope) Digest { return s.SlotHash(slot) }))
	check("scope of execution", covers(scope, func(s *Scope) Digest { return s.ExecuteHash(5, Digest{6}) }))
	check("scope of checkpoint", covers(scope, func(s *Scope) Digest { return s.CheckpointHash(CheckpointState{}) }))
	check("checkpoint", covers(CheckpointState{}, func(c *CheckpointState) Digest { return scope.CheckpointHash(*c) }))
	check("slow commit", covers(slot, func(s *SlotID) Digest { return scope.SlowCommitHash(*s) }))
	check("author", covers(slot, func(s *SlotID) Digest { return Digest(scope.AuthorBytes(*s)) }))
	newView := NewView{To: 3, Chosen: []ChosenViewChange{{1, Digest{1}}, {2, Digest{2}}}}
	check("new view", covers(newView, func(m *NewView) Digest { return scope.NewViewDigest(m) }),
		".Signature[0]", ".Signature[63]")
	change := ViewChange{Slots: []SlotEvidence{{Seq: 9, HasVote: true, HasLock: true}}}
	check("view change", covers(change, func(m *ViewChange) Digest { return scope.ViewChangeDigest(m) }),
		".Signature[0]", ".Signature[63]")

	request := Request{Client: 1, Seq: 2, Op: OpCreateTransfers, Body: bytes.Repeat([]byte{5}, 2*ChunkBytes)}
	check("request", covers(request, func(q *Request) Digest { return q.Digest(cluster) }),
		".Signature[0]", ".Signature[63]")
	check("cluster of request", covers(cluster, func(c *Digest) Digest { return request.Digest(*c) }))
	check("signing bytes", covers(Digest{}, func(d *Digest) Digest { return Digest(SigningBytes(*d)) }))

	type result struct {
		Request   Digest
		Index     uint32
		Status    uint16
		Timestamp uint64
		Bytes     uint8
		Root      Digest
	}
	check("result", covers(result{}, func(r *result) Digest {
		return ResultDigest(r.Request, r.Index, r.Status, r.Timestamp, int(r.Bytes), r.Root)
	}))
	type batch struct {
		Time     uint64
		Requests []Digest
	}
	check("batch", covers(batch{1, []Digest{{1}, {2}, {3}}}, func(b *batch) Digest { return BatchDigest(b.Time, clone(b.Requests)) }))
}

// TestBodiesDoNotCollide: two bodies of different lengths or cuts never share a
// request digest, even where their chunks are alike.
func TestBodiesDoNotCollide(t *testing.T) {
	seen := map[Digest]int{}
	for n := range 3*ChunkBytes + 2 {
		q := Request{Body: make([]byte, n)}
		d := q.Digest(Digest{})
		if other, ok := seen[d]; ok {
			t.Fatalf("zero bodies of %d and %d bytes have one digest", n, other)
		}
		seen[d] = n
	}
}

func TestSignedDigestsDiffer(t *testing.T) {
	scope := Scope{Epoch: 1}
	slot := SlotID{}
	all := map[Digest]string{}
	add := func(name string, d Digest) {
		if other, ok := all[d]; ok {
			t.Errorf("%s and %s sign the same bytes", name, other)
		}
		all[d] = name
	}
	add("slot", scope.SlotHash(slot))
	add("slow commit", scope.SlowCommitHash(slot))
	add("author", Digest(scope.AuthorBytes(slot)))
	add("checkpoint", scope.CheckpointHash(CheckpointState{}))
	add("view change", scope.ViewChangeDigest(&ViewChange{}))
	add("new view", scope.NewViewDigest(&NewView{}))
	add("execute", scope.ExecuteHash(0, Digest{}))
	add("request", RequestDigest(Digest{}, 0, 0, 0, 0, Digest{}))
	add("request signature", Digest(SigningBytes(Digest{})))
	add("client hello", Digest(ClientHelloSigningBytes(Digest{}, [ExporterBytes]byte{}, 0)))
	add("block", (&BlockHeader{}).Hash())
	add("result", ResultDigest(Digest{}, 0, 0, 0, 0, Digest{}))
	add("batch", BatchDigest(0, nil))
}

func TestReplyProves(t *testing.T) {
	request := Digest{9}
	reply := Reply{Client: 1, Seq: 2, Index: 1, Count: 3, FirstTimestamp: 77, Result: []byte("result")}
	leaf := ResultDigest(request, 1, 0, 77, len(reply.Result), BodyRoot(reply.Result))
	leaves := []Digest{{1}, leaf, {3}}
	reply.Path = MerklePath(clone(leaves), 1)
	reply.Header.ResultRoot = MerkleRoot(clone(leaves))
	if !reply.Proves(request) {
		t.Fatal("a true reply does not prove")
	}
	for name, lie := range map[string]func(r *Reply){
		"result":     func(r *Reply) { r.Result = []byte("Result") },
		"longer":     func(r *Reply) { r.Result = []byte("result\x00") },
		"status":     func(r *Reply) { r.Status = 1 },
		"index":      func(r *Reply) { r.Index = 0 },
		"timestamp":  func(r *Reply) { r.FirstTimestamp++ },
		"root":       func(r *Reply) { r.Header.ResultRoot[5]++ },
		"path":       func(r *Reply) { r.Path = r.Path[:1] },
		"no count":   func(r *Reply) { r.Count = 0 },
		"past count": func(r *Reply) { r.Count = 1 },
	} {
		r := reply
		lie(&r)
		if r.Proves(request) {
			t.Errorf("a reply with another %s proves", name)
		}
	}
	if reply.Proves(Digest{8}) {
		t.Error("the reply proves another request")
	}
}
