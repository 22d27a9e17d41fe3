package wire

// Aim: the body of signed transfers has one reading, events stand where they
// stand in other creates, and a payer's signature covers cluster and every bit of
// the transfer. Method: made bodies; the digests against Sum, their slow twin.

import (
	"bytes"
	"testing"
)

func TestSignedColumns(t *testing.T) {
	for _, n := range []int{1, 2, 7, 8, 9, SignedEventsMax} {
		events := make([]byte, n*EventBytes)
		seals := make([]Seal, n)
		for i := range n {
			events[i*EventBytes] = byte(i + 1)
			seals[i].Key[0], seals[i].Signature[63] = byte(i+2), byte(i+3)
		}
		body := AppendSigned(nil, events, seals)
		if len(body) != n*SignedEventBytes || len(body) > BodyBytesMax || OpCreateSignedTransfers.Events(len(body)) != n {
			t.Fatalf("%d transfers in %d bytes", n, len(body))
		}
		gotEvents, gotSeals := SplitSigned(body)
		if !bytes.Equal(gotEvents, events) || !bytes.Equal(body[:len(events)], events) {
			t.Fatalf("%d transfers: events differ", n)
		}
		for i := range n {
			if SealAt(gotSeals, i) != seals[i] {
				t.Fatalf("%d transfers: seal %d differs", n, i)
			}
		}
	}
	if (SignedEventsMax+1)*SignedEventBytes <= BodyBytesMax {
		t.Error("one more transfer would fit")
	}
}

func TestSignedDigests(t *testing.T) {
	cluster, transfer := Digest{1}, bytes.Repeat([]byte{7}, EventBytes)
	d := TransferDigest(cluster, transfer)
	if d != Sum(domainTransfer, cluster[:], transfer) || OwnerDigest(transfer[:KeyBytes]) != Sum(domainOwner, transfer[:KeyBytes]) {
		t.Fatal("the digests are not those that Sum gives")
	}
	for bit := range EventBytes * 8 {
		changed := bytes.Clone(transfer)
		changed[bit/8] ^= 1 << (bit % 8)
		if TransferDigest(cluster, changed) == d {
			t.Fatalf("bit %d is not signed", bit)
		}
	}
	for bit := range DigestBytes * 8 {
		other := cluster
		other[bit/8] ^= 1 << (bit % 8)
		if TransferDigest(other, transfer) == d {
			t.Fatalf("bit %d of the cluster is not signed", bit)
		}
	}
}

func TestOpsThatCreate(t *testing.T) {
	for o := Op(0); o < 20; o++ {
		transfers := o == OpCreateTransfers || o == OpCreateSignedTransfers
		if o.CreatesTransfers() != transfers || o.Creates() != (transfers || o == OpCreateAccounts) {
			t.Errorf("%v", o)
		}
	}
}

func TestShortDigestsAreFree(t *testing.T) {
	cluster, transfer := Digest{1}, make([]byte, EventBytes)
	if n := testing.AllocsPerRun(100, func() { _, _ = TransferDigest(cluster, transfer), OwnerDigest(transfer[:KeyBytes]) }); n != 0 {
		t.Errorf("%v allocations for the digests of one payment", n)
	}
}
