package consensus

// Messages that a script puts into the mouth of a puppet: a Byzantine replica
// signs with its own keys; certificates it can only have when enough others
// signed, which the script has to see to.

import (
	"fmt"
	"strconv"
	"strings"

	"quorate/wire"
)

func kindName(m wire.Message) string {
	switch m.(type) {
	case *wire.FetchBody:
		return "fetch-body"
	case *wire.Body:
		return "body"
	case *wire.FetchViewChange:
		return "fetch-view-change"
	}
	name, _, _ := strings.Cut(describe(m), " ")
	return name
}

// inject sends one message: from=0 to=1,2 view=0 seq=1 batch=a …
func (st *stage) inject(what string, a args) error {
	w := st.w
	from := wire.ReplicaID(a.int("from", 0))
	id := wire.SlotID{View: wire.View(a.int("view", 0)), Seq: wire.SeqNum(a.int("seq", 1)), Digest: st.digest(a.text("batch", "a"))}
	h := w.cfg.Scope.SlotHash(id)
	tau := combinedTag(PurposeTau, h)
	var m wire.Message
	switch what {
	case "pre-prepare":
		body := "batch " + a.text("batch", "a")
		if a.has("invalid") {
			body = string(badBatch) + body
			id.Digest = bodyDigest([]byte(body))
		}
		m = &wire.PrePrepare{Slot: id, Author: edTag(PurposeAuthor, from, w.authorHash(id)), Batch: []byte(body)}
	case "sign-share":
		share := &wire.SignShare{Slot: id, Sigma: shareTag(PurposeSigma, from, h), HasTau: true, Tau: shareTag(PurposeTau, from, h)}
		if a.has("bad") {
			share.Sigma, share.Tau = share.Tau, share.Sigma
		}
		m = share
	case "commit":
		m = &wire.Commit{Slot: id, Share: shareTag(PurposeTauTau, from, w.cfg.Scope.SlowCommitHash(id))}
	case "prepare":
		m = &wire.Prepare{Slot: id, Tau: tau}
	case "full-commit-proof":
		m = &wire.FullCommitProof{Slot: id, Sigma: combinedTag(PurposeSigma, h)}
	case "slow-commit-proof":
		m = &wire.SlowCommitProof{Slot: id, TauTau: combinedTag(PurposeTauTau, w.cfg.Scope.SlowCommitHash(id))}
	case "new-view":
		m = st.newView(from, id.View, a.text("chosen", ""))
	case "reminder":
		m = &wire.Reminder{Slot: id, Sigma: shareTag(PurposeSigma, from, h)}
	case "complaint":
		m = &wire.Complaint{View: id.View}
	case "view-change":
		v := &wire.ViewChange{Replica: from, To: id.View}
		for _, text := range strings.Split(a.text("slots", ""), ",") {
			if e, ok := st.evidence(text); ok {
				v.Slots = append(v.Slots, e)
			}
		}
		v.Signature = edTag(PurposeViewChange, from, w.cfg.Scope.ViewChangeDigest(v))
		m = v
	default:
		return fmt.Errorf("unknown command")
	}
	for _, text := range strings.Split(a.text("to", ""), ",") {
		to, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		w.remember(from, wire.ReplicaID(to), m)
		w.deliver(from, wire.ReplicaID(to), m)
	}
	return nil
}

// newView names view changes that went over the network.
func (st *stage) newView(from wire.ReplicaID, to wire.View, chosen string) wire.Message {
	m := &wire.NewView{To: to}
	for _, text := range strings.Split(chosen, ",") {
		id, _ := strconv.Atoi(text)
		for _, l := range st.w.archive {
			v, ok := l.msg.(*wire.ViewChange)
			if ok && v.To == to && int(v.Replica) == id && (len(m.Chosen) == 0 || m.Chosen[len(m.Chosen)-1].Replica != v.Replica) {
				m.Chosen = append(m.Chosen, wire.ChosenViewChange{Replica: v.Replica, Digest: st.w.cfg.Scope.ViewChangeDigest(v)})
			}
		}
	}
	m.Signature = edTag(PurposeNewView, from, st.w.cfg.Scope.NewViewDigest(m))
	return m
}

// evidence reads seq/vote-batch/vote-view[/lock-batch/lock-view].
func (st *stage) evidence(text string) (wire.SlotEvidence, bool) {
	p := strings.Split(text, "/")
	if len(p) < 3 {
		return wire.SlotEvidence{}, false
	}
	num := func(s string) int { n, _ := strconv.Atoi(s); return n }
	e := wire.SlotEvidence{Seq: wire.SeqNum(num(p[0])), HasVote: true}
	e.Vote = wire.Vote{View: wire.View(num(p[2])), Digest: st.digest(p[1])}
	if len(p) >= 5 {
		e.HasLock = true
		id := wire.SlotID{View: wire.View(num(p[4])), Seq: e.Seq, Digest: st.digest(p[3])}
		e.Lock = wire.Lock{View: id.View, Digest: id.Digest, Tau: combinedTag(PurposeTau, st.w.cfg.Scope.SlotHash(id))}
	}
	return e, true
}
