package payments

import "quorate/wire"

// ProposedTimeMax is the largest proposed block time that counts (the year
// 2116); larger ones are ignored, so that no proposer can exhaust TimestampMax.
const ProposedTimeMax = 1 << 62

// Machine is the replicated state machine. One thread at a time may use it.
type Machine struct {
	cfg Config
}

// New builds the genesis state: registry and first clients, no accounts.
// It returns ErrConfig, wrapped with the cause, for a configuration that no
// replica should start with.
func New(cfg Config) (*Machine, error) {
	return &Machine{cfg: cfg}, nil
}

// Apply executes the requests of block seq, which must be one above the last.
// proposed is the proposer's clock in nanoseconds. A null slot is a block
// without requests. Errors: ErrSeq (nothing changed), ErrArchive and ErrBroken
// (the machine must be thrown away).
func (m *Machine) Apply(seq wire.SeqNum, proposed uint64, reqs []Request, archive Archive, out *Outcome) error {
	return nil
}

// Seq is the number of the last applied block.
func (m *Machine) Seq() wire.SeqNum { return 0 }

// SessionView is what ingress needs to know about a client.
type SessionView struct {
	Client ClientRecord
	High   uint64 // the highest request seq that was executed, 0 before the first
	Bitmap uint64 // bit i: seq High−i was executed
}

// Place names an executed request.
type Place struct {
	Seq    wire.SeqNum
	Index  uint32 // of the request in its block
	Digest wire.Digest
}

// Session gives a client's key, roles and window.
func (m *Machine) Session(client wire.ClientID) (SessionView, bool) { return SessionView{}, false }

// Lookup tells how a request with this client and seq stands: StatusOK means
// that it would be executed; StatusDuplicate comes with the place (compare the
// digest: another one makes it StatusRequestIDReused); the other statuses are
// StatusSeqTooOld, StatusSeqTooFar and StatusUnknownClient.
func (m *Machine) Lookup(client wire.ClientID, seq uint64) (Place, Status) {
	return Place{}, StatusUnknownClient
}

// Account gives an account's record as of the last block.
func (m *Machine) Account(id U128) (Account, bool) { return Account{}, false }

// Audit walks all accounts and open pendings and compares them with the
// ledgers' totals (P2). It returns ErrState, wrapped with what differs.
func (m *Machine) Audit() error { return nil }
